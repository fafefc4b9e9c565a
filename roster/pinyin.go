package roster

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// surnameReadings are the readings that characters have as surnames, where that
// is not the one that they mostly have.
var surnameReadings = map[rune]string{
	'单': "shan", '曾': "zeng", '仇': "qiu", '解': "xie", '区': "ou", '盖': "ge", '查': "zha", '朴': "piao", '召': "shao",
	'翟': "zhai", '乐': "yue", '员': "yun", '黑': "he", '缪': "miao", '折': "she", '种': "chong", '繁': "po", '秘': "bi",
	'重': "chong", '薄': "bo", '覃': "qin", '祭': "zhai", '洗': "xian", '隗': "wei", '郇': "xun", '乜': "nie", '都': "du",
}

// fold makes spellings of a name alike: full-width and compatibility forms,
// case, accents and tones do not matter, and ü is v, as it is typed. Gaps of
// whatever kind become one space.
func fold(text string) string {
	folded := make([]rune, 0, len(text))
	for _, r := range cases.Fold().String(norm.NFKD.String(text)) {
		last := len(folded) - 1
		switch {
		case r == '\u0308' && last >= 0 && folded[last] == 'u':
			folded[last] = 'v'
		case unicode.Is(unicode.Mn, r): // an accent or a tone
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			folded = append(folded, r)
		case last >= 0 && folded[last] != ' ':
			folded = append(folded, ' ')
		}
	}
	return norm.NFC.String(strings.TrimRight(string(folded), " "))
}

// letters are what of a folded name is searched: all but the gaps.
func letters(folded string) []rune {
	return slices.DeleteFunc([]rune(folded), func(r rune) bool { return r == ' ' })
}

// readings returns how a character may be read: all its pinyin syllables,
// without tones, and none for what is no Chinese character. Those with a v may
// be typed with u and, as passports have it, yu.
func readings(r rune) []string {
	if r < 0x3000 { // below the first ideograph
		return nil
	}
	args := pinyin.NewArgs()
	args.Heteronym = true
	all := pinyin.SinglePinyin(r, args)
	for _, syllable := range all[:len(all):len(all)] {
		if strings.Contains(syllable, "v") {
			all = append(all, strings.ReplaceAll(syllable, "v", "u"), strings.ReplaceAll(syllable, "v", "yu"))
		}
	}
	if surname, known := surnameReadings[r]; known && !slices.Contains(all, surname) {
		all = append(all, surname)
	}
	return all
}

// nameKey orders folded names as strings: syllable by syllable, where a word of
// another script is one syllable, and names that sound alike by their
// characters.
func nameKey(folded string) string {
	var key strings.Builder
	inWord := false
	for i, r := range folded {
		syllable := syllableOf(r, i == 0)
		if inWord && (syllable != "" || r == ' ') {
			key.WriteByte(syllableEnd)
		}
		switch inWord = syllable == "" && r != ' '; {
		case syllable != "":
			key.WriteString(syllable)
			key.WriteByte(syllableEnd)
		case inWord:
			key.WriteRune(r)
		}
	}
	key.WriteByte(syllableEnd)
	key.WriteString(folded)
	return key.String()
}

// syllableEnd sorts before whatever a syllable has.
const syllableEnd = 1

// syllableOf returns the reading that a character is sorted by, or "".
func syllableOf(r rune, surname bool) string {
	if reading, known := surnameReadings[r]; known && surname {
		return reading
	}
	if all := readings(r); len(all) > 0 {
		return all[0]
	}
	return ""
}
