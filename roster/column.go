package roster

import (
	"regexp"
	"slices"
	"strings"

	"github.com/musterhq/muster/sheet"
)

// RowField is what a column of a roster's spreadsheet says.
type RowField string

// The fields.
const (
	FieldName        RowField = "NAME"
	FieldPhone       RowField = "PHONE"
	FieldUnit        RowField = "ORG_UNIT"
	FieldUnitCode    RowField = "ORG_UNIT_CODE"
	FieldDistrict    RowField = "DISTRICT"
	FieldSubdistrict RowField = "SUBDISTRICT"
	FieldCommunity   RowField = "COMMUNITY"
	FieldStatus      RowField = "STATUS"
	FieldTransport   RowField = "TRANSPORT_MODE"
	FieldEquipment   RowField = "EQUIPMENT"
	FieldEnrolledOn  RowField = "ENROLLED_ON"
	FieldCertifiedOn RowField = "CERTIFIED_ON"
	FieldValidUntil  RowField = "VALID_UNTIL"
)

// unitFields are the fields of which any one says the org unit.
var unitFields = []RowField{FieldUnitCode, FieldUnit, FieldCommunity, FieldSubdistrict, FieldDistrict}

// headings are the names that people give to columns, as heading leaves them,
// the plainest first: of two columns with the same field it is the one that is
// read.
var headings = map[RowField][]string{
	FieldName:        {"姓名", "名字", "志愿者姓名", "队员姓名", "响应人", "name", "fullname", "respondername"},
	FieldPhone:       {"手机号码", "手机号", "手机", "移动电话", "mobilephone", "mobilenumber", "mobile", "phonenumber", "phone", "cellphone", "联系电话", "电话号码", "电话", "联系方式", "telephone", "tel"},
	FieldUnitCode:    {"单位代码", "区划代码", "行政区划代码", "社区代码", "机构代码", "代码", "编码", "orgunitcode", "unitcode", "communitycode", "divisioncode", "orgunitid", "code"},
	FieldUnit:        {"所属单位", "单位", "单位名称", "组织", "所属组织", "队伍", "orgunit", "orgunitname", "unit", "team"},
	FieldCommunity:   {"所属社区", "社区", "社区名称", "community"},
	FieldSubdistrict: {"所属街道", "街道", "街道办", "subdistrict"},
	FieldDistrict:    {"所属区", "区", "区县", "辖区", "district"},
	FieldStatus:      {"状态", "人员状态", "status", "state"},
	FieldTransport:   {"交通方式", "交通工具", "出行方式", "transportmode", "transport", "modeoftransport", "meansoftransport"},
	FieldEquipment:   {"装备", "携带装备", "随身装备", "器材", "equipment", "carries"},
	FieldEnrolledOn:  {"加入日期", "登记日期", "入队日期", "注册日期", "加入时间", "登记时间", "enrolledon", "enrolled", "joinedon", "joined", "enrolmentdate", "enrollmentdate"},
	FieldCertifiedOn: {"取证日期", "发证日期", "考核日期", "取证时间", "发证时间", "certifiedon", "certified", "issuedon", "certificatedate"},
	FieldValidUntil:  {"有效期至", "到期日期", "证书有效期至", "有效期", "validuntil", "expireson", "expires", "expirydate"},
}

// byHeading says which field a heading is, and how plain a name for it.
var byHeading = func() map[string]named {
	all := map[string]named{}
	for field, names := range headings {
		for rank, name := range names {
			all[name] = named{field, rank}
		}
	}
	return all
}()

type named struct {
	field RowField
	rank  int
}

var (
	bracketed  = regexp.MustCompile(`\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】`)
	decoration = regexp.MustCompile(`[\s*:_.\-#'"]+`)
)

// heading is a header's cell as headings have them: without spaces, what
// stands in brackets, and marks such as that of a required field.
func heading(text string) string {
	text = strings.ToLower(sheet.Fold(text))
	return decoration.ReplaceAllString(bracketed.ReplaceAllString(text, ""), "")
}

// ImportColumn is a column that is read.
type ImportColumn struct {
	Field  RowField `bson:"field"`
	Number int      `bson:"number"` // from 0
	Header string   `bson:"header"`
}

// Letters are what spreadsheet programs call the column.
func (c ImportColumn) Letters() string { return sheet.ColumnName(c.Number) }

// header is what the header's row of a file says.
type header struct {
	columns []ImportColumn
	ignored []string // the headers of columns that are not read
}

// headerOf finds out which fields the columns of a row are.
func headerOf(r sheet.Row) header {
	best := map[RowField]int{} // the place of its column in the row
	rank := map[RowField]int{}
	for i, c := range r.Cells {
		n, ok := byHeading[heading(c.Plain())]
		if _, taken := best[n.field]; ok && (!taken || n.rank < rank[n.field]) {
			best[n.field], rank[n.field] = i, n.rank
		}
	}
	var h header
	for i, c := range r.Cells {
		text := shortened(c.Plain())
		n, ok := byHeading[heading(text)]
		switch {
		case ok && best[n.field] == i:
			h.columns = append(h.columns, ImportColumn{n.field, c.Column, text})
		case text != "":
			h.ignored = append(h.ignored, text)
		}
	}
	return h
}

func (h header) has(fields ...RowField) bool {
	return slices.ContainsFunc(h.columns, func(c ImportColumn) bool { return slices.Contains(fields, c.Field) })
}

// missing lists the fields without which no row can be read. Of those that say
// the org unit, one is enough.
func (h header) missing() []RowField {
	var missing []RowField
	for _, f := range []RowField{FieldName, FieldPhone} {
		if !h.has(f) {
			missing = append(missing, f)
		}
	}
	if !h.has(unitFields...) {
		missing = append(missing, FieldUnit)
	}
	return missing
}

// maxShown is how many characters of a cell are shown and kept.
const maxShown = 100

func shortened(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return text
}
