package training

import "testing"

func TestMaskName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":              "",
		" ":             "",
		"张":             "*",
		"张三":            "张*",
		" 张三 ":          "张*",
		"张三丰":           "张**",
		"欧阳娜娜":          "欧阳**",
		"欧阳锋":           "欧阳*",
		"欧阳":            "欧*", // 欧 is a surname, too
		"东方红":           "东方*",
		"阿卜杜拉·买买提":      "阿***·买***",
		"张 三":           "* *",
		"John Smith":    "J*** S***",
		"john  smith":   "j*** s***",
		"Anne-Marie Li": "A***-M*** L***",
		"O'Brien":       "O***",
		"J":             "J***",
		"Émile Zola":    "É*** Z***",
		"さくら":           "さ***",
		"Smith 张三":      "S*** 张***",
		"-":             "-",
	} {
		if got := MaskName(name); got != want {
			t.Errorf("MaskName(%q) = %q, want %q", name, got, want)
		}
	}
}
