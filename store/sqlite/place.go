package sqlite

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/musterhq/muster/store"
)

// reaches reports whether a cursor's value lies within the bound at which its
// scan begins. If not, the bound alone says where to begin: the cursor is of a
// wider list.
func reaches(value any, near *store.Bound, descending bool) bool {
	if near == nil {
		return true
	}
	order := compare(value, near.Value)
	if descending {
		order = -order
	}
	return order > 0 || order == 0 && near.Inclusive
}

// compare orders values as SQLite does: numbers before texts.
func compare(a, b any) int {
	a, b = stored(a), stored(b)
	textA, isTextA := a.(string)
	textB, isTextB := b.(string)
	switch {
	case isTextA && isTextB:
		return strings.Compare(textA, textB)
	case isTextA:
		return 1
	case isTextB:
		return -1
	default:
		return compareNumbers(a, b)
	}
}

func compareNumbers(a, b any) int {
	intA, isIntA := whole(a)
	intB, isIntB := whole(b)
	if isIntA && isIntB {
		return cmp.Compare(intA, intB)
	}
	return cmp.Compare(float(a), float(b))
}

// stored is a value as its column holds it: string, int64 or float64.
func stored(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UnixMilli()
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	default:
		return v
	}
}

// whole returns a number as an int64 if it is one exactly.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && v >= math.MinInt64 && v < math.MaxInt64
	default:
		return 0, false
	}
}

func float(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	default:
		return math.NaN()
	}
}
