package roster

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/musterhq/muster/fault"
)

// Filter says which responders are looked for: those that meet all of what is
// given.
type Filter struct {
	// Text is a part of the name, in characters, in pinyin or in its initials,
	// or at least 3 digits that the phone ends with; at most MaxFilterText
	// characters.
	Text string `json:",omitempty"`
	// Statuses are those that it may have; nil for any, and none for nobody.
	Statuses []Status `json:",omitzero"`
	// OnDuty asks for those who are on duty at the moment, or who are not.
	OnDuty *bool `json:",omitempty"`
	// Modes are those that it may have; nil for any.
	Modes         []TransportMode      `json:",omitzero"`
	Qualification *QualificationFilter `json:",omitempty"`
}

// QualificationFilter asks for a qualification for a course, or for the want of
// it.
type QualificationFilter struct {
	CourseID string
	State    QualificationState
	// Before is when those that are EXPIRING end at the latest, itself not
	// counted.
	Before time.Time `json:",omitzero"`
}

// QualificationState is how a qualification stands at the moment.
type QualificationState string

// The states.
const (
	QualificationValid    QualificationState = "VALID"
	QualificationMissing  QualificationState = "MISSING"  // there is none that is valid
	QualificationExpiring QualificationState = "EXPIRING" // it is valid, and not for long
)

// Valid reports whether s is one of the states.
func (s QualificationState) Valid() bool {
	return slices.Contains([]QualificationState{QualificationValid, QualificationMissing, QualificationExpiring}, s)
}

// MaxFilterText is how many characters the text of a Filter may have.
const MaxFilterText = 50

func (f Filter) check() error {
	switch q := f.Qualification; {
	case utf8.RuneCountInString(f.Text) > MaxFilterText:
		return fault.Invalid("filter.text", "too_long", fault.Args{"max": MaxFilterText})
	case q == nil:
		return nil
	case q.CourseID == "":
		return fault.Invalid("filter.qualification.courseId", "required")
	case !q.State.Valid():
		return fault.Invalid("filter.qualification.state", "qualification_state")
	case q.State == QualificationExpiring && q.Before.IsZero():
		return fault.Invalid("filter.qualification.before", "required")
	}
	return nil
}

// query is a Filter with what it depends on.
type query struct {
	filter Filter
	path   string // of the subtree that is searched
	phones bool   // whether the text is looked for in phones, too
	now    time.Time
}

// slotSet is a set of slots, of which each is a bit.
type slotSet []uint64

func (s slotSet) has(slot uint32) bool { return s[slot/64]>>(slot%64)&1 == 1 }

// matching returns all slots that match, and how many they are. It goes through
// them as they lie in memory, which is several times faster than in any order.
func (c *columns) matching(q query) (found slotSet, n int) {
	m, found := c.matcher(q), make(slotSet, len(c.rows)/64+1)
	for slot := range uint32(len(c.rows)) {
		if m.matches(slot) {
			found[slot/64] |= 1 << (slot % 64)
			n++
		}
	}
	return found, n
}

// matcher is a query made ready to be asked of many slots.
type matcher struct {
	c        *columns
	now      int64
	below    []bool // by path; whether it belongs to the subtree
	statuses uint16 // by row.status, a bit each; likewise modes
	modes    uint16
	onDuty   *bool
	needle   *needle // nil for no text
	phones   bool    // whether the text may be the ending of a phone
	ending   ending
	state    QualificationState
	course   []int64
	before   int64
}

func (c *columns) matcher(q query) *matcher {
	f := q.filter
	m := &matcher{c: c, now: q.now.UnixMilli(), onDuty: f.OnDuty, below: make([]bool, len(c.paths))}
	for i, path := range c.paths {
		m.below[i] = strings.HasPrefix(path, q.path)
	}
	m.statuses = bitsOf(f.Statuses, func(s Status) int { return slices.Index(sortedStatuses, s) + 1 }) &^ 1
	m.modes = bitsOf(f.Modes, func(mode TransportMode) int { return int(mode.tag()) })
	if q := f.Qualification; q != nil {
		m.state, m.course, m.before = q.State, c.courses[q.CourseID], q.Before.UnixMilli()
	}
	if strings.TrimSpace(f.Text) != "" {
		m.lookFor(fold(f.Text), q.phones)
	}
	return m
}

// lookFor sets the text. One without a letter is in no name.
func (m *matcher) lookFor(folded string, phones bool) {
	text := letters(folded)
	if len(text) == 0 || len(text) > maxNeedle {
		m.statuses = 0
		return
	}
	m.needle = newNeedle(text, m.c.glyphs)
	m.ending, m.phones = endingOf(folded)
	m.phones = m.phones && phones
}

// bitsOf has a bit for each of the values; all bits for nil.
func bitsOf[T any](values []T, bit func(T) int) uint16 {
	if values == nil {
		return ^uint16(0)
	}
	var all uint16
	for _, v := range values {
		all |= 1 << bit(v)
	}
	return all
}

// matches reports whether the responder in the slot is looked for. It asks
// first what is quick to tell.
func (m *matcher) matches(slot uint32) bool {
	r := &m.c.rows[slot]
	return m.statuses>>r.status&1 == 1 && m.modes>>r.mode&1 == 1 &&
		(m.onDuty == nil || *m.onDuty == (m.now < r.until)) &&
		(m.below[r.path] || r.teams && slices.ContainsFunc(m.c.teams[slot], func(path uint32) bool { return m.below[path] })) &&
		(m.state == "" || m.qualified(slot)) &&
		(m.needle == nil || m.found(slot, r))
}

func (m *matcher) qualified(slot uint32) bool {
	until := ends(m.course, slot)
	switch valid := m.now < until; m.state {
	case QualificationMissing:
		return !valid
	case QualificationExpiring:
		return valid && until < m.before
	default:
		return valid
	}
}

func (m *matcher) found(slot uint32, r *row) bool {
	return m.phones && m.ending.of(r.phone) || m.needle.in(m.c.name(slot), m.c.glyphs)
}
