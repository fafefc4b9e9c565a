package roster

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/musterhq/muster/store"
)

// divisionHeader is the first line of a division list.
var divisionHeader = []string{"code", "name", "level", "parent"}

var divisionCode = regexp.MustCompile(`^[0-9]{12}$`)

// ReadDivisions reads a list of divisions as CSV with the header
// code,name,level,parent: 12-digit codes, the levels of Level, and for each
// but a district the code of its parent, which stands one level higher in the
// same list, before or after it. Its errors name the line.
func ReadDivisions(r io.Reader) ([]Unit, error) {
	list, lines, err := readLines(r)
	if err != nil {
		return nil, fmt.Errorf("reading divisions: %w", err)
	}
	byID := make(map[string]*Unit, len(list))
	for i := range list {
		if byID[list[i].ID] != nil {
			return nil, fmt.Errorf("reading divisions: line %d: %s is there twice", lines[i], list[i].ID)
		}
		byID[list[i].ID] = &list[i]
	}
	for i := range list {
		if err := place(&list[i], byID); err != nil {
			return nil, fmt.Errorf("reading divisions: line %d: %w", lines[i], err)
		}
	}
	return list, nil
}

func readLines(r io.Reader) (list []Unit, lines []int, err error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(divisionHeader)
	header, err := in.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if !slices.Equal(header, divisionHeader) {
		return nil, nil, fmt.Errorf("line 1: the header is %q, not %q", header, divisionHeader)
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return list, lines, nil
		}
		if err != nil {
			return nil, nil, err // a csv.ParseError names the line
		}
		line, _ := in.FieldPos(0)
		u, err := parseDivision(record)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", line, err)
		}
		list, lines = append(list, u), append(lines, line)
	}
}

func parseDivision(record []string) (Unit, error) {
	u := Unit{Meta: store.Meta{ID: record[0]}, Name: record[1], Level: Level(record[2]), ParentID: record[3]}
	switch {
	case !divisionCode.MatchString(u.ID):
		return u, fmt.Errorf("the code %q is not 12 digits", u.ID)
	case u.Name == "":
		return u, errors.New("the name is missing")
	case u.Level.depth() == 0:
		return u, fmt.Errorf("there is no level %q", u.Level)
	case (u.Level == LevelDistrict) != (u.ParentID == ""):
		return u, errors.New("a district has no parent, and every other unit has one")
	}
	return u, nil
}

// place sets the unit's path, and that of the units above it.
func place(u *Unit, byID map[string]*Unit) error {
	if u.Path != "" {
		return nil
	}
	above := ""
	if u.ParentID != "" {
		parent := byID[u.ParentID]
		if parent == nil {
			return fmt.Errorf("the parent %s is not in the list", u.ParentID)
		}
		if parent.Level.depth() != u.Level.depth()-1 {
			return fmt.Errorf("a %s cannot be below a %s", u.Level, parent.Level)
		}
		if err := place(parent, byID); err != nil {
			return err
		}
		above = parent.Path
	}
	u.Path = above + u.ID + "/"
	return nil
}
