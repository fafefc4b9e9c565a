package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/musterhq/muster/store"
)

// divisionColumns are the columns of a division list, by the names that they
// have in ours and in the tables of the National Bureau of Statistics.
var divisionColumns = map[string]string{
	"code": "code", "代码": "code", "区划代码": "code", "行政区划代码": "code", "统计用区划代码": "code",
	"name": "name", "名称": "name", "单位名称": "name",
	"level": "level", "parent": "parent",
	"城乡分类代码": "", "城乡分类": "", // which we have no use for
}

var (
	divisionCode = regexp.MustCompile(`^[0-9]{12}$`)
	// shortCode is a district's or a subdistrict's, without the zeros that
	// follow in the tables of units below.
	shortCode = regexp.MustCompile(`^[0-9]{6}([0-9]{3})?$`)
)

const (
	// maxDivisions is how many bytes a list may have: the whole nation's has
	// about 50 MB.
	maxDivisions = 100 << 20
	// maxDivisionProblems is how many problems are told of.
	maxDivisionProblems = 100
)

// ReadDivisions reads a list of divisions as CSV, in UTF-8 with or without a
// byte order mark, or GB18030. Its header says what the columns are, in any
// order: code and name (代码 or 统计用区划代码, and 名称), and either both level
// and parent or neither.
//
// With them, codes have 12 digits, levels are those of Level, and each but a
// district has the code of its parent, which stands one level higher in the same
// list, before or after it. Without them they are read off the code, as the
// National Bureau of Statistics publishes its lists: six digits are the
// district's, three the subdistrict's and three the community's. Provinces and
// cities above the districts are left out, but for a city that has no districts,
// which is one.
//
// Its errors name all lines with a problem, to a hundred.
func ReadDivisions(r io.Reader) ([]Unit, error) {
	text, err := readText(r)
	if err != nil {
		return nil, fmt.Errorf("reading divisions: %w", err)
	}
	l := &divisionList{lines: map[string]int{}}
	if err := l.read(text); err != nil {
		return nil, fmt.Errorf("reading divisions: %w", err)
	}
	l.placeAll()
	if err := l.problem(); err != nil {
		return nil, fmt.Errorf("reading divisions: %w", err)
	}
	return l.units, nil
}

// readText reads all, and returns it in UTF-8.
func readText(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDivisions+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDivisions {
		return nil, fmt.Errorf("the list has more than %d MB", maxDivisions>>20)
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if utf8.Valid(text) {
		return text, nil
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return nil, errors.New("the list is in neither UTF-8 nor GB18030")
	}
	return decoded, nil
}

// divisionList is a list that is being read.
type divisionList struct {
	columns []string
	derived bool // the levels and parents, from the codes
	units   []Unit
	lines   map[string]int // of the units, by id
	wrong   []lineProblem
}

type lineProblem struct {
	line int
	err  error
}

func (l *divisionList) fail(line int, format string, args ...any) {
	l.wrong = append(l.wrong, lineProblem{line, fmt.Errorf(format, args...)})
}

// problem returns all that is wrong, in the order of the lines.
func (l *divisionList) problem() error {
	slices.SortStableFunc(l.wrong, func(a, b lineProblem) int { return a.line - b.line })
	var all []error
	for i, p := range l.wrong {
		if i == maxDivisionProblems {
			all = append(all, fmt.Errorf("and %d more", len(l.wrong)-i))
			break
		}
		all = append(all, fmt.Errorf("line %d: %w", p.line, p.err))
	}
	return errors.Join(all...)
}

// read takes all lines in. Its error is one after which there is no reading on.
func (l *divisionList) read(text []byte) error {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if err := l.readHeader(header); err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.Join(l.problem(), err) // a csv.ParseError names the line
		}
		line, _ := in.FieldPos(0)
		l.take(line, record)
	}
}

func (l *divisionList) readHeader(header []string) error {
	for _, name := range header {
		column, known := divisionColumns[strings.ToLower(strings.TrimSpace(name))]
		if !known {
			return fmt.Errorf("the header has a column %q that is not known", name)
		}
		if column != "" && slices.Contains(l.columns, column) {
			return fmt.Errorf("the header has the column %q twice", name)
		}
		l.columns = append(l.columns, column)
	}
	has := func(column string) bool { return slices.Contains(l.columns, column) }
	if !has("code") || !has("name") || has("level") != has("parent") {
		return fmt.Errorf("the header is %q; it needs code and name, and either both level and parent or neither", header)
	}
	l.derived = !has("level")
	return nil
}

// take reads one line.
func (l *divisionList) take(line int, record []string) {
	if len(record) != len(l.columns) {
		l.fail(line, "has %d fields, not %d", len(record), len(l.columns))
		return
	}
	field := map[string]string{}
	for i, column := range l.columns {
		field[column] = strings.TrimSpace(record[i])
	}
	u := Unit{Meta: store.Meta{ID: field["code"]}, Name: field["name"], Level: Level(field["level"]), ParentID: field["parent"]}
	if l.derived {
		u.derive()
	}
	if err := u.checkDivision(); err != nil {
		l.fail(line, "%w", err)
		return
	}
	if l.lines[u.ID] > 0 {
		l.fail(line, "%s is there twice", u.ID)
		return
	}
	l.lines[u.ID] = line
	l.units = append(l.units, u)
}

// derive reads the level and the parent off the code.
func (u *Unit) derive() {
	if shortCode.MatchString(u.ID) {
		u.ID += strings.Repeat("0", 12-len(u.ID))
	}
	if !divisionCode.MatchString(u.ID) {
		return
	}
	switch {
	case u.ID[6:] == "000000":
		u.Level = LevelDistrict
	case u.ID[9:] == "000":
		u.Level, u.ParentID = LevelSubdistrict, u.ID[:6]+"000000"
	default:
		u.Level, u.ParentID = LevelCommunity, u.ID[:9]+"000"
	}
}

func (u *Unit) checkDivision() error {
	switch {
	case !divisionCode.MatchString(u.ID):
		return fmt.Errorf("the code %q is not 12 digits", u.ID)
	case u.Name == "":
		return errors.New("the name is missing")
	case u.Level.depth() == 0:
		return fmt.Errorf("there is no level %q", u.Level)
	case (u.Level == LevelDistrict) != (u.ParentID == ""):
		return errors.New("a district has no parent, and every other unit has one")
	}
	return nil
}

// placeAll finds the paths of all units.
func (l *divisionList) placeAll() {
	if l.derived {
		l.leaveOutCities()
	}
	byID := make(map[string]*Unit, len(l.units))
	for i := range l.units {
		byID[l.units[i].ID] = &l.units[i]
	}
	for i := range l.units {
		u := &l.units[i]
		if err := u.place(byID); err != nil {
			l.fail(l.lines[u.ID], "%w", err)
		}
	}
}

// leaveOutCities leaves provinces and cities out, whose codes look like those
// of districts, unless there is something directly below them.
func (l *divisionList) leaveOutCities() {
	above := map[string]bool{}
	for _, u := range l.units {
		above[u.ParentID] = true
	}
	l.units = slices.DeleteFunc(l.units, func(u Unit) bool {
		return strings.HasSuffix(u.ID, "00000000") && !above[u.ID]
	})
}

// place sets the unit's path, and those of the units above it.
func (u *Unit) place(byID map[string]*Unit) error {
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
		if err := parent.place(byID); err != nil {
			return fmt.Errorf("the parent %s has a problem of its own", u.ParentID)
		}
		above = parent.Path
	}
	u.Path = above + u.ID + "/"
	return nil
}
