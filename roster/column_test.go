package roster

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/sheet"
)

// rowOf is a row of texts.
func rowOf(texts ...string) sheet.Row {
	r := sheet.Row{Number: 1}
	for i, text := range texts {
		if text != "" {
			r.Cells = append(r.Cells, sheet.Cell{Column: i, Value: text})
		}
	}
	return r
}

func TestHeaderOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		texts   []string
		want    []RowField
		ignored []string
		missing []RowField
	}{
		"Chinese":                  {[]string{"姓名", "手机号", "所属社区"}, []RowField{FieldName, FieldPhone, FieldCommunity}, nil, nil},
		"English in another order": {[]string{"Org unit", "Full Name", "Mobile phone"}, []RowField{FieldUnit, FieldName, FieldPhone}, nil, nil},
		"spaces, width and breaks": {[]string{" 姓　名 ", "手机\n号码", "Ｃｏｄｅ"}, []RowField{FieldName, FieldPhone, FieldUnitCode}, nil, nil},
		"brackets and stars":       {[]string{"*姓名（必填）", "手机号码(11位):", "社区代码【12位】"}, []RowField{FieldName, FieldPhone, FieldUnitCode}, nil, nil},
		"all of them": {
			[]string{"区", "街道", "社区", "单位", "区划代码", "姓名", "电话", "状态", "交通工具", "携带装备", "登记日期", "发证日期", "有效期至"},
			[]RowField{
				FieldDistrict, FieldSubdistrict, FieldCommunity, FieldUnit, FieldUnitCode, FieldName, FieldPhone, FieldStatus,
				FieldTransport, FieldEquipment, FieldEnrolledOn, FieldCertifiedOn, FieldValidUntil,
			}, nil, nil,
		},
		"the plainer of two phones": {[]string{"联系电话", "姓名", "手机号", "单位"}, []RowField{FieldName, FieldPhone, FieldUnit}, []string{"联系电话"}, nil},
		"the first of two the same": {[]string{"姓名", "姓名", "手机", "单位"}, []RowField{FieldName, FieldPhone, FieldUnit}, []string{"姓名"}, nil},
		"unknown ones":              {[]string{"序号", "姓名", "备注", "手机", "", "单位"}, []RowField{FieldName, FieldPhone, FieldUnit}, []string{"序号", "备注"}, nil},
		"without a phone":           {[]string{"姓名", "单位"}, []RowField{FieldName, FieldUnit}, nil, []RowField{FieldPhone}},
		"without a unit":            {[]string{"姓名", "手机"}, []RowField{FieldName, FieldPhone}, nil, []RowField{FieldUnit}},
		"a title":                   {[]string{"罗湖区响应人名册"}, nil, []string{"罗湖区响应人名册"}, []RowField{FieldName, FieldPhone, FieldUnit}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := headerOf(rowOf(c.texts...))
			var got []RowField
			for _, column := range h.columns {
				got = append(got, column.Field)
			}
			if diff := cmp.Diff(c.want, got) + cmp.Diff(c.ignored, h.ignored) + cmp.Diff(c.missing, h.missing()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHeadingsAreDistinct(t *testing.T) {
	t.Parallel()
	n := 0
	for field, names := range headings {
		for _, name := range names {
			n++
			if got := heading(name); got != name || byHeading[name].field != field {
				t.Errorf("%q of %s is never found: it is %q of %s", name, field, got, byHeading[name].field)
			}
		}
	}
	if n != len(byHeading) {
		t.Errorf("%d names, of which %d are distinct", n, len(byHeading))
	}
}
