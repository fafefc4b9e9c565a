package roster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"张三": "张三", "  张　三 ": "张 三", "Ｚｈａｎｇ": "zhang", "Zhāng Sān": "zhang san", "Lü": "lv", "LÜ": "lv", "lǚ": "lv",
		"阿卜杜·热西提": "阿卜杜 热西提", "O'Neil-Smith": "o neil smith", "１３８": "138", "": "", " · ": "", "José": "jose", "一\u0301": "一",
	} {
		if got := fold(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestNeedleFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		in, miss []string
	}{
		{"张三", []string{"张", "三", "张三", "zs", "ZS", "zhangs", "zhang san", "zhangsan", "san", "zh", "zsan", "张s", "z三", "Zhāng", "ｚｓ", "zhas", "zhansan"},
			[]string{"hang", "ang", "an", "sz", "张四", "zss", "zhangsann", "三张", "·", "li", "z张"}},
		{"单于飞", []string{"shan", "dan", "chan", "shanyu", "dyf", "cyf", "syf"}, []string{"xyf", "hanyu"}},
		{"曾国", []string{"zeng", "ceng", "zg", "cg"}, nil},
		{"仇英", []string{"qiu", "chou", "qiuying"}, nil},
		{"解放", []string{"xie", "jie", "xf", "jf"}, nil},
		{"区小明", []string{"ou", "qu", "oxm", "ouxiaoming"}, nil},
		{"吕布", []string{"lv", "lü", "lu", "lyu", "lvbu", "lyub", "lb"}, []string{"liu"}},
		{"欧阳娜娜", []string{"ouyang", "oynn", "nana", "ynn", "阳娜"}, []string{"on"}},
		{"阿卜杜·热西提", []string{"阿卜杜热", "热西提", "·热", "abd", "bdrx", "a bu du"}, []string{"阿热"}},
		{"John Smith", []string{"john", "ohn", "john smith", "johnsmith", "SMITH", "n s"}, []string{"js", "smithj"}},
		{"张3", []string{"3", "z3", "张3"}, []string{"33"}},
		{"", nil, []string{"a", "张"}},
	} {
		found := newColumns()
		slot := found.slot("x")
		found.set(slot, listingOf(&Responder{Name: c.name, UnitPath: "1/", Status: StatusActive}))
		for _, text := range slices.Concat(c.in, c.miss) {
			want := slices.Contains(c.in, text)
			if got := found.matcher(query{filter: Filter{Text: text}}).matches(slot); got != want {
				t.Errorf("%q in %q: %t", text, c.name, got)
			}
			if got := slowFinds(c.name, text); got != want {
				t.Errorf("%q in %q, found slowly: %t", text, c.name, got)
			}
		}
	}
}

// slowFinds tries everything that a text may stand for.
func slowFinds(name, text string) bool {
	chars, wanted := letters(fold(name)), string(letters(fold(text)))
	if wanted == "" {
		return false
	}
	for i := range chars {
		if slowFollows(chars[i:], wanted) {
			return true
		}
	}
	return false
}

func slowFollows(chars []rune, wanted string) bool {
	if wanted == "" {
		return true
	}
	if len(chars) == 0 {
		return false
	}
	spellings := append(readings(chars[0]), string(chars[0]))
	for _, spelling := range spellings {
		for end := range len(spelling) {
			beginning := spelling[:end+1]
			if spelling == string(chars[0]) {
				beginning = spelling
			}
			if len(wanted) >= len(beginning) && wanted[:len(beginning)] == beginning && slowFollows(chars[1:], wanted[len(beginning):]) {
				return true
			}
		}
	}
	return false
}

func TestNameKeySorts(t *testing.T) {
	t.Parallel()
	want := []string{
		"安娜", "Anna", "区小明", "仇英", "单飞", "山飞", "单雄信", "Smith", "谢安", "谢安 B", "解放", "曾国", "翟一", "张三", "張三", "章三", "张三丰", "张四",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareNames)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func compareNames(a, b string) int {
	p, q := standing{Name: nameKey(fold(a))}, standing{Name: nameKey(fold(b))}
	return p.compare(&q)
}

func TestEnding(t *testing.T) {
	t.Parallel()
	phone := phoneDigits("+8613800138000")
	for text, want := range map[string]bool{
		"000": true, "8000": true, "138 0013 8000": true, "+86 138-0013-8000": true, "８０００": true, "00138000": true,
		"001": false, "00": false, "0": false, "8001": false, "138": false, "08613800138000": false, "8000a": false,
		"0000000000000000": false, "": false,
	} {
		e, ok := endingOf(fold(text))
		if got := ok && e.of(phone); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
