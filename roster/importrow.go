package roster

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/sheet"
	"github.com/musterhq/muster/store"
)

// RowKind is what becomes of a row.
type RowKind string

// The kinds.
const (
	RowUnchecked RowKind = ""
	RowNew       RowKind = "NEW"       // somebody who was not on the roster
	RowChanged   RowKind = "CHANGED"   // somebody of whom something changes
	RowUnchanged RowKind = "UNCHANGED" // says what is stored
	RowProblem   RowKind = "PROBLEM"   // cannot be applied
)

// ImportRow is a row of a file that is being imported.
type ImportRow struct {
	store.Meta `bson:",inline"`
	ImportID   string  `bson:"importId"`
	Number     int64   `bson:"number"` // in the file, from 1
	Kind       RowKind `bson:"kind"`
	// Said is what the file says, and Misread what could not be understood.
	Said    saying          `bson:"said"`
	Misread []ImportProblem `bson:"misread,omitempty"`
	// Problems, Changes and ResponderID are what the check found.
	Problems    []ImportProblem `bson:"problems,omitempty"`
	Changes     []FieldChange   `bson:"changes,omitempty"`
	ResponderID string          `bson:"responderId,omitempty"` // of who is on the roster already
	UnitPath    string          `bson:"unitPath,omitempty"`    // where that one belongs
}

// Name is the name that the row has.
func (r *ImportRow) Name() string { return r.Said.Name }

// saying is what a row says; the zero value of a field is that it says nothing.
// Days are midnight UTC.
type saying struct {
	Name      string        `bson:"name,omitempty"`
	Phone     string        `bson:"phone,omitempty"` // E.164
	UnitCode  string        `bson:"unitCode,omitempty"`
	UnitNames []string      `bson:"unitNames,omitempty"` // from the top
	Status    Status        `bson:"status,omitempty"`
	Transport TransportMode `bson:"transport,omitempty"`
	Equipment []string      `bson:"equipment,omitempty"`
	// EquipmentText is the cell as it is: an item may have a sign within that
	// stands between others.
	EquipmentText string    `bson:"equipmentText,omitempty"`
	EnrolledOn    time.Time `bson:"enrolledOn,omitempty"`
	CertifiedOn   time.Time `bson:"certifiedOn,omitempty"`
	ValidUntil    time.Time `bson:"validUntil,omitempty"` // the last day
}

// ImportProblem is why a row cannot be applied.
type ImportProblem struct {
	Field RowField          `bson:"field"`
	Code  ProblemCode       `bson:"code"`
	Args  map[string]string `bson:"args,omitempty"`
	Value string            `bson:"value,omitempty"` // what the cell has, shortened
}

// FieldChange is what applying a row changes. Before is "" for what is new.
type FieldChange struct {
	Field  RowField `bson:"field"`
	Before string   `bson:"before"`
	After  string   `bson:"after"`
}

var importRows = store.Define[ImportRow]("importRows",
	store.Index{Name: "number", Fields: []string{"importId", "number"}},
	store.Index{Name: "kind", Fields: []string{"importId", "kind", "number"}},
)

// ProblemCode says what is wrong with a row. Its sentence is in the catalogues
// under "import.problem." and the code.
type ProblemCode string

// What can be wrong with a cell.
const (
	ProblemMissing    ProblemCode = "missing"
	ProblemFormula    ProblemCode = "formula"
	ProblemBroken     ProblemCode = "error_value"
	ProblemTooLong    ProblemCode = "too_long"
	ProblemPhone      ProblemCode = "phone"
	ProblemRounded    ProblemCode = "phone_rounded"
	ProblemTwice      ProblemCode = "phone_twice"
	ProblemDate       ProblemCode = "date"
	ProblemFuture     ProblemCode = "future"
	ProblemOrder      ProblemCode = "until_before"
	ProblemUntilAlone ProblemCode = "until_alone"
	ProblemStatus     ProblemCode = "status"
	ProblemTransport  ProblemCode = "transport"
	ProblemEquipment  ProblemCode = "equipment"
)

// What can be wrong with a row in view of the roster.
const (
	ProblemUnit        ProblemCode = "unit_unknown"
	ProblemAmbiguous   ProblemCode = "unit_ambiguous"
	ProblemOutside     ProblemCode = "unit_outside"
	ProblemUnitsDiffer ProblemCode = "units_differ"
	ProblemTransfer    ProblemCode = "transfer"
	ProblemNewStatus   ProblemCode = "status_of_new"
	ProblemStatusMove  ProblemCode = "status_changes"
	ProblemNotActive   ProblemCode = "not_active"
	ProblemSuspended   ProblemCode = "account_suspended"
	ProblemOwn         ProblemCode = "own_row"
	ProblemCertify     ProblemCode = "certifies_not"
	ProblemMeanwhile   ProblemCode = "changed_meanwhile"
)

// ProblemCodes lists all codes.
func ProblemCodes() []ProblemCode {
	return []ProblemCode{
		ProblemMissing, ProblemFormula, ProblemBroken, ProblemTooLong, ProblemPhone, ProblemRounded, ProblemTwice, ProblemDate,
		ProblemFuture, ProblemOrder, ProblemUntilAlone, ProblemStatus, ProblemTransport, ProblemEquipment,
		ProblemUnit, ProblemAmbiguous, ProblemOutside, ProblemUnitsDiffer, ProblemTransfer, ProblemNewStatus, ProblemStatusMove, ProblemNotActive,
		ProblemSuspended, ProblemOwn, ProblemCertify, ProblemMeanwhile,
	}
}

// How much a roster has of each.
const (
	maxRowName   = 100 // characters, as an account's
	maxEquipment = 20
	maxItem      = 50 // characters
)

// rowReader understands the rows of one file.
type rowReader struct {
	columns  []ImportColumn
	date1904 bool
	today    time.Time // midnight UTC
}

// read understands a row as far as that needs no roster.
func (rd *rowReader) read(in sheet.Row) *ImportRow {
	row := &ImportRow{Number: int64(in.Number)}
	for _, c := range rd.columns {
		cell := in.At(c.Number)
		switch cell.Kind {
		case sheet.Formula:
			row.misread(c.Field, ProblemFormula, "")
		case sheet.Broken:
			row.misread(c.Field, ProblemBroken, cell.Value)
		default:
			if text := cell.Plain(); text != "" {
				rd.take(row, c.Field, cell, text)
			}
		}
	}
	rd.finish(row)
	return row
}

// empty reports whether the row says nothing in the columns that are read.
func (rd *rowReader) empty(in sheet.Row) bool {
	return !slices.ContainsFunc(rd.columns, func(c ImportColumn) bool {
		cell := in.At(c.Number)
		return cell.Kind == sheet.Formula || cell.Plain() != ""
	})
}

func (r *ImportRow) misread(f RowField, code ProblemCode, value string) {
	r.Misread = append(r.Misread, ImportProblem{Field: f, Code: code, Value: shortened(value)})
}

// take reads one cell that is not empty.
func (rd *rowReader) take(row *ImportRow, f RowField, cell sheet.Cell, text string) {
	said, code := &row.Said, ProblemCode("")
	switch f {
	case FieldName:
		said.Name, code = parseName(text)
	case FieldPhone:
		said.Phone, code = parseRowPhone(sheet.Fold(text))
	case FieldUnitCode:
		said.UnitCode, code = parseUnitCode(sheet.Fold(text))
	case FieldUnit, FieldCommunity, FieldSubdistrict, FieldDistrict:
		// finish puts them in order
	case FieldStatus:
		said.Status, code = parseStatus(text)
	case FieldTransport:
		said.Transport, code = parseTransport(text)
	case FieldEquipment:
		said.Equipment, code = parseEquipment(text)
		said.EquipmentText = text
	case FieldEnrolledOn:
		said.EnrolledOn, code = rd.pastDay(cell)
	case FieldCertifiedOn:
		said.CertifiedOn, code = rd.pastDay(cell)
	case FieldValidUntil:
		said.ValidUntil, code = rd.day(cell)
	}
	if slices.Contains(unitFields[1:], f) {
		said.UnitNames = append(said.UnitNames, string(f)+"\n"+shortened(text))
	}
	if code != "" {
		row.misread(f, code, text)
	}
}

// finish checks what concerns several cells.
func (rd *rowReader) finish(row *ImportRow) {
	row.Said.UnitNames = inTreeOrder(row.Said.UnitNames)
	for _, required := range []struct {
		field RowField
		value string
	}{{FieldName, row.Said.Name}, {FieldPhone, row.Said.Phone}} {
		if required.value == "" && !row.hasMisread(required.field) {
			row.misread(required.field, ProblemMissing, "")
		}
	}
	until, on := row.Said.ValidUntil, row.Said.CertifiedOn
	switch {
	case until.IsZero():
	case on.IsZero() && !row.hasMisread(FieldCertifiedOn):
		row.misread(FieldValidUntil, ProblemUntilAlone, until.Format(time.DateOnly))
	case until.Before(on):
		row.misread(FieldValidUntil, ProblemOrder, until.Format(time.DateOnly))
	}
}

func (r *ImportRow) hasMisread(f RowField) bool {
	return slices.ContainsFunc(r.Misread, func(p ImportProblem) bool { return p.Field == f })
}

// inTreeOrder puts the names of a row's units, which are marked with their
// fields, in order from the top, and takes the marks off.
func inTreeOrder(marked []string) []string {
	var names []string
	for _, f := range []RowField{FieldDistrict, FieldSubdistrict, FieldCommunity, FieldUnit} {
		for _, m := range marked {
			if name, ok := strings.CutPrefix(m, string(f)+"\n"); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

func parseName(text string) (string, ProblemCode) {
	if utf8.RuneCountInString(text) > maxRowName {
		return "", ProblemTooLong
	}
	return text, ""
}

var (
	exponent = regexp.MustCompile(`^(\d)(?:\.(\d+))?[eE]\+?(\d{1,2})$`)
	noDigits = regexp.MustCompile(`[\s\-‐‑–—().·]+`)
)

// parseRowPhone reads a phone as people write it. A number that a program has
// shortened to the likes of 1.38E+10 cannot be made whole again.
func parseRowPhone(text string) (string, ProblemCode) {
	if m := exponent.FindStringSubmatch(text); m != nil {
		if len(m[2]) < 10 {
			return "", ProblemRounded
		}
		text = m[1] + m[2]
	}
	text = noDigits.ReplaceAllString(text, "")
	if rest, ok := strings.CutPrefix(text, "0086"); ok {
		text = "+86" + rest
	}
	if rest, ok := strings.CutPrefix(text, "86"); ok && len(rest) == 11 {
		text = "+86" + rest
	}
	phone, err := auth.ParsePhone(text)
	if err != nil {
		return "", ProblemPhone
	}
	return phone, ""
}

var unitCode = regexp.MustCompile(`^(\d{6}|\d{9}|\d{12})$`)

// parseUnitCode reads a division code; those of districts and subdistricts are
// also written without their last zeros.
func parseUnitCode(text string) (string, ProblemCode) {
	text = strings.ReplaceAll(text, " ", "")
	if !unitCode.MatchString(text) {
		return "", ProblemUnit
	}
	return text + strings.Repeat("0", 12-len(text)), ""
}

func parseStatus(text string) (Status, ProblemCode) {
	s, ok := statusWords[heading(text)]
	if !ok {
		return "", ProblemStatus
	}
	return s, ""
}

func parseTransport(text string) (TransportMode, ProblemCode) {
	m, ok := transportWords[heading(text)]
	if !ok {
		return "", ProblemTransport
	}
	return m, ""
}

// The words for statuses and means of transport, as heading leaves them.
var (
	statusWords = map[string]Status{
		"applied": StatusApplied, "pending": StatusApplied, "申请中": StatusApplied, "已申请": StatusApplied, "待审核": StatusApplied, "待审批": StatusApplied,
		"rejected": StatusRejected, "未通过": StatusRejected, "已拒绝": StatusRejected, "已驳回": StatusRejected,
		"active": StatusActive, "在册": StatusActive, "有效": StatusActive, "正常": StatusActive, "在岗": StatusActive, "启用": StatusActive,
		"suspended": StatusSuspended, "暂停": StatusSuspended, "已暂停": StatusSuspended, "停用": StatusSuspended, "停职": StatusSuspended,
		"retired": StatusRetired, "退出": StatusRetired, "已退出": StatusRetired, "退役": StatusRetired, "离队": StatusRetired,
	}
	transportWords = map[string]TransportMode{
		"onfoot": OnFoot, "foot": OnFoot, "walk": OnFoot, "walking": OnFoot, "步行": OnFoot, "走路": OnFoot, "徒步": OnFoot,
		"bicycle": Bicycle, "bike": Bicycle, "cycling": Bicycle, "自行车": Bicycle, "单车": Bicycle, "骑行": Bicycle, "共享单车": Bicycle,
		"ebike": EBike, "electricbicycle": EBike, "电动自行车": EBike, "电动车": EBike, "电单车": EBike, "电瓶车": EBike,
		"motorcycle": Motorcycle, "motorbike": Motorcycle, "摩托车": Motorcycle, "摩托": Motorcycle,
		"car": Car, "driving": Car, "汽车": Car, "小汽车": Car, "轿车": Car, "驾车": Car, "开车": Car, "私家车": Car, "自驾": Car,
	}
)

// parseEquipment reads a list, whichever signs are between its items.
func parseEquipment(text string) ([]string, ProblemCode) {
	var items []string
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("、，,;；/／|\n", r) }) {
		item = strings.TrimSpace(item)
		if item == "" || slices.Contains(items, item) {
			continue
		}
		if utf8.RuneCountInString(item) > maxItem || len(items) == maxEquipment {
			return nil, ProblemEquipment
		}
		items = append(items, item)
	}
	return items, ""
}

func (rd *rowReader) day(cell sheet.Cell) (time.Time, ProblemCode) {
	day, ok := cell.Date(rd.date1904)
	if !ok {
		return time.Time{}, ProblemDate
	}
	return day, ""
}

func (rd *rowReader) pastDay(cell sheet.Cell) (time.Time, ProblemCode) {
	day, code := rd.day(cell)
	if code == "" && day.After(rd.today) {
		return time.Time{}, ProblemFuture
	}
	return day, code
}
