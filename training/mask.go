package training

import (
	"slices"
	"strings"
	"unicode"
)

// compoundSurnames are the Chinese surnames of two characters that are still
// common enough to be met.
var compoundSurnames = strings.Fields(`欧阳 上官 司马 诸葛 司徒 皇甫 尉迟 公孙 慕容 令狐 宇文 长孙
	东方 独孤 南宫 夏侯 轩辕 钟离 闻人 端木 百里 呼延 申屠 太史 淳于 澹台 公冶 宗政 濮阳 赫连 鲜于
	闾丘 万俟 东郭 西门 拓跋 完颜 纳兰`)

// MaskName leaves enough of a name to recognise somebody whom one knows, and
// too little to find anybody else. A Chinese name keeps its surname and its
// length (张*, 欧阳**); every word of another keeps its first letter, but not
// its length (J*** S***). A name of a single character keeps nothing.
func MaskName(name string) string {
	runes := []rune(strings.Join(strings.Fields(name), " "))
	if isChinese(runes) {
		return maskChinese(runes)
	}
	return maskWords(runes)
}

// isChinese reports whether the name is one Chinese word.
func isChinese(name []rune) bool {
	return !slices.ContainsFunc(name, func(r rune) bool { return !unicode.Is(unicode.Han, r) })
}

func maskChinese(name []rune) string {
	if len(name) == 0 {
		return ""
	}
	kept := min(1, len(name)-1)
	if len(name) > 2 && slices.Contains(compoundSurnames, string(name[:2])) {
		kept = 2
	}
	return string(name[:kept]) + strings.Repeat("*", len(name)-kept)
}

// maskWords keeps the gaps between words as they are; · parts the names of
// those peoples whose Chinese names are transcriptions.
func maskWords(name []rune) string {
	var masked strings.Builder
	for start := 0; start < len(name); {
		end := start
		for end < len(name) && !isGap(name[end]) {
			end++
		}
		masked.WriteString(maskWord(name[start:end]))
		if end < len(name) {
			masked.WriteRune(name[end])
		}
		start = end + 1
	}
	return masked.String()
}

func isGap(r rune) bool { return r == ' ' || r == '-' || r == '·' || r == '•' }

func maskWord(word []rune) string {
	switch {
	case len(word) == 0:
		return ""
	case len(word) == 1 && unicode.Is(unicode.Han, word[0]): // a whole given name
		return "*"
	default:
		return string(word[:1]) + "***"
	}
}
