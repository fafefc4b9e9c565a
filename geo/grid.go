package geo

import "math"

// The grid cuts the Earth into rows of equal latitude, and each row into as
// many columns as keep a cell about as wide as it is high: 500 m. Towards the
// poles a row has ever fewer columns, in the end one. Columns begin at the
// antimeridian and wrap around it.
const (
	rowDegrees = 0.0045 // 500.4 m
	gridRows   = 40_000
	cellHeight = rowDegrees * radian * EarthRadius // metres
	cellSteps  = 1 << 16                           // of an offset within a cell
)

// cell names one cell of the grid.
type cell struct {
	row, col int32
}

// offset is a place within a cell, in steps of 1/65,536 of its height and
// width (7.6 mm), counted from its south-western corner and rounded down.
type offset struct {
	north, east uint16
}

// locate returns the cell that p lies in, and where. The ends of the ranges,
// 90° north and 180° east, fall in the last row and the first column.
func locate(p Position) (cell, offset) {
	y := (p.Latitude + 90) / rowDegrees
	row := min(int(y), gridRows-1)
	n := columns(row)
	x := (p.Longitude + 180) / 360 * float64(n)
	if x >= float64(n) {
		x = 0
	}
	col := int(x)
	return cell{int32(row), int32(col)}, offset{steps(y - float64(row)), steps(x - float64(col))}
}

func steps(fraction float64) uint16 {
	return uint16(min(int(fraction*cellSteps), cellSteps-1))
}

// columns returns the number of cells in a row.
func columns(row int) int {
	middle := southOf(row) + rowDegrees/2
	return max(1, int(360/rowDegrees*math.Cos(middle*radian)))
}

// southOf returns the latitude of a row's southern edge.
func southOf(row int) float64 {
	return float64(row)*rowDegrees - 90
}

// rowOf returns the row of a latitude, which may lie beyond a pole.
func rowOf(lat float64) int {
	return max(0, min(int((lat+90)/rowDegrees), gridRows-1))
}

// narrowest returns the smallest cosine of latitude in a row, or a little less:
// a degree of longitude is nowhere in it shorter than that share of one on the
// equator. Without the widening by edge the row's rounded limit could fall
// short of the pole itself, where the cosine's last digits are all there is.
func narrowest(row int) float64 {
	south := southOf(row) - edge
	north := southOf(row) + rowDegrees + edge
	return max(0, min(math.Cos(south*radian), math.Cos(north*radian)))
}
