package roster

import "slices"

// listing is what the directory knows of a responder.
type listing struct {
	id       string
	rev      int64
	name     string // folded
	phone    uint64
	path     string
	teams    []string // the paths of the other units
	status   Status
	mode     TransportMode
	until    int64 // see offDutyFrom
	enrolled int64 // in ms since 1970
	expires  int64 // when the first of its qualifications ends, in ms; or never
	held     []Qualification
	key      string // nameKey of the name
}

func listingOf(r *Responder) *listing {
	name := fold(r.Name)
	e := &listing{
		id: r.ID, rev: r.Rev, name: name, phone: phoneDigits(r.Phone), path: r.UnitPath, teams: r.UnitPaths()[1:],
		status: r.Status, mode: r.TransportMode, until: offDutyFrom(r), enrolled: r.EnrolledAt.UnixMilli(), expires: never,
		held: r.Qualifications, key: nameKey(name),
	}
	for _, q := range r.Qualifications {
		e.expires = min(e.expires, q.Until.UnixMilli())
	}
	return e
}

// offDutyFrom is the time in ms from which on the responder is not on duty: 0 if
// it is off duty, and never if its duty has no end. So it agrees with OnDutyAt
// at any time.
func offDutyFrom(r *Responder) int64 {
	until := r.Duty.Until
	switch {
	case r.Status != StatusActive || !r.Duty.OnDuty:
		return 0
	case until.IsZero():
		return never
	default:
		return until.UnixMilli()
	}
}

// place is the responder's in the order of the key.
func (e *listing) place(by SortKey) standing {
	switch by {
	case SortName:
		return standing{Name: e.key, ID: e.id}
	case SortOrgUnit:
		return standing{Path: e.path, Name: e.key, ID: e.id}
	case SortStatus:
		return standing{Number: int64(slices.Index(sortedStatuses, e.status)), Name: e.key, ID: e.id}
	case SortExpires:
		return standing{Number: e.expires, ID: e.id}
	default:
		return standing{Number: e.enrolled, ID: e.id}
	}
}

// row is what the filters look at, small so that many are near one another in
// memory.
type row struct {
	phone   uint64
	until   int64
	letters uint32 // where the name is in columns.letters
	path    uint32 // in columns.paths
	length  uint8  // of the name
	status  uint8  // its index in sortedStatuses and 1; 0 for a slot that is free
	mode    uint8  // see TransportMode.tag
	teams   bool   // whether there are others in columns.teams
}

// columns hold the listings, one thing of all of them beside another; a
// responder is a slot.
type columns struct {
	slots    map[string]uint32 // by id
	free     []uint32
	rows     []row
	ids      []string
	revs     []int64
	keys     []string
	enrolled []int64
	expires  []int64
	teams    map[uint32][]uint32 // by slot: paths
	courses  map[string][]int64  // by course and slot: when the qualification ends, in ms; 0 for none

	paths   []string
	pathIDs map[string]uint32
	glyphs  []glyph
	glyphID map[rune]uint32
	letters []uint32 // the glyphs of all names, and of some that have gone
	dead    int      // how many of them
}

func newColumns() *columns {
	return &columns{
		slots: map[string]uint32{}, teams: map[uint32][]uint32{}, courses: map[string][]int64{},
		pathIDs: map[string]uint32{}, glyphID: map[rune]uint32{},
	}
}

// slot returns a free slot for the id.
func (c *columns) slot(id string) uint32 {
	var slot uint32
	if n := len(c.free); n > 0 {
		slot, c.free = c.free[n-1], c.free[:n-1]
	} else {
		slot = uint32(len(c.rows))
		c.rows, c.ids, c.revs, c.keys = append(c.rows, row{}), append(c.ids, ""), append(c.revs, 0), append(c.keys, "")
		c.enrolled, c.expires = append(c.enrolled, 0), append(c.expires, 0)
	}
	c.slots[id], c.ids[slot] = slot, id
	return slot
}

// set writes the listing into the slot.
func (c *columns) set(slot uint32, e *listing) {
	was := c.rows[slot]
	c.rows[slot] = row{
		phone: e.phone, until: e.until, path: c.pathID(e.path), mode: e.mode.tag(),
		status: uint8(slices.Index(sortedStatuses, e.status) + 1), teams: len(e.teams) > 0,
	}
	c.rows[slot].letters, c.rows[slot].length = c.spell(was, e.name)
	c.revs[slot], c.keys[slot], c.enrolled[slot], c.expires[slot] = e.rev, e.key, e.enrolled, e.expires
	delete(c.teams, slot)
	for _, path := range e.teams {
		c.teams[slot] = append(c.teams[slot], c.pathID(path))
	}
	c.qualify(slot, e.held)
}

// clear frees the slot.
func (c *columns) clear(slot uint32) {
	delete(c.slots, c.ids[slot])
	delete(c.teams, slot)
	c.qualify(slot, nil)
	c.dead += int(c.rows[slot].length)
	c.rows[slot], c.ids[slot], c.keys[slot] = row{}, "", ""
	c.free = append(c.free, slot)
}

// qualify writes when the slot's qualifications end.
func (c *columns) qualify(slot uint32, held []Qualification) {
	for _, ends := range c.courses {
		if int(slot) < len(ends) {
			ends[slot] = 0
		}
	}
	for _, q := range held {
		ends := c.courses[q.CourseID]
		if missing := len(c.rows) - len(ends); missing > 0 {
			ends = append(ends, make([]int64, missing)...)
			c.courses[q.CourseID] = ends
		}
		ends[slot] = max(ends[slot], q.Until.UnixMilli())
	}
}

// ends returns when the slot's qualification for a course ends, or 0.
func ends(course []int64, slot uint32) int64 {
	if int(slot) < len(course) {
		return course[slot]
	}
	return 0
}

func (c *columns) pathID(path string) uint32 {
	id, known := c.pathIDs[path]
	if !known {
		id = uint32(len(c.paths))
		c.paths, c.pathIDs[path] = append(c.paths, path), id
	}
	return id
}

// maxLetters is how much of a name can be found.
const maxLetters = 255

// spell writes the letters of a name, over those of the row that it was before
// if they are as many, and returns where they are.
func (c *columns) spell(was row, name string) (at uint32, length uint8) {
	chars := letters(name)
	chars = chars[:min(len(chars), maxLetters)]
	at = was.letters
	if was.status == 0 || int(was.length) != len(chars) {
		c.dead += int(was.length)
		at = uint32(len(c.letters))
		c.letters = append(c.letters, make([]uint32, len(chars))...)
	}
	for i, char := range chars {
		c.letters[int(at)+i] = c.glyph(char)
	}
	return at, uint8(len(chars))
}

func (c *columns) glyph(char rune) uint32 {
	id, known := c.glyphID[char]
	if !known {
		id = uint32(len(c.glyphs))
		c.glyphs, c.glyphID[char] = append(c.glyphs, newGlyph(char)), id
	}
	return id
}

// tidy moves the names together when half of the letters are of none.
func (c *columns) tidy() {
	if c.dead < 1<<10 || 2*c.dead < len(c.letters) {
		return
	}
	all := make([]uint32, 0, len(c.letters)-c.dead)
	for i := range c.rows {
		at := uint32(len(all))
		all = append(all, c.name(uint32(i))...)
		c.rows[i].letters = at
	}
	c.letters, c.dead = all, 0
}

func (c *columns) name(slot uint32) []uint32 {
	r := &c.rows[slot]
	return c.letters[r.letters : r.letters+uint32(r.length)]
}

// place is listing.place, of a slot.
func (c *columns) place(by SortKey) func(slot uint32) standing {
	switch by {
	case SortName:
		return func(slot uint32) standing { return standing{Name: c.keys[slot], ID: c.ids[slot]} }
	case SortOrgUnit:
		return func(slot uint32) standing {
			return standing{Path: c.paths[c.rows[slot].path], Name: c.keys[slot], ID: c.ids[slot]}
		}
	case SortStatus:
		return func(slot uint32) standing {
			return standing{Number: int64(c.rows[slot].status) - 1, Name: c.keys[slot], ID: c.ids[slot]}
		}
	case SortExpires:
		return func(slot uint32) standing { return standing{Number: c.expires[slot], ID: c.ids[slot]} }
	default:
		return func(slot uint32) standing { return standing{Number: c.enrolled[slot], ID: c.ids[slot]} }
	}
}
