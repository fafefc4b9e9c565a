package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/store"
)

// Action is what was done.
type Action string

// Entry is one line of the log.
type Entry struct {
	store.Meta `bson:",inline"`
	store.Due  `bson:",inline"` // when it is deleted
	At         time.Time        `bson:"at"`
	ActorID    string           `bson:"actorId"` // an account
	Action     Action           `bson:"action"`
	// SubjectID is what it was done to, or whose data was read: the id of a
	// responder, an account, an org unit and so on.
	SubjectID string `bson:"subjectId"`
	// District, Subdistrict and Community are where the subject belonged then;
	// "" for levels that it has none of.
	District    string `bson:"district"`
	Subdistrict string `bson:"subdistrict"`
	Community   string `bson:"community"`
	Reason      string `bson:"reason,omitempty"` // as the actor gave it
	// Details say what changed, as pairs of a name and an id, number or
	// constant: never a name of a person, a phone or a position.
	Details []Detail `bson:"details,omitempty"`
}

// Detail is one thing that an entry says.
type Detail struct {
	Name  string `bson:"name"`
	Value string `bson:"value"`
}

var entries = store.Define[Entry]("auditEntries",
	store.Index{Name: "subject", Fields: []string{"subjectId", "at"}},
	store.Index{Name: "actor", Fields: []string{"actorId", "at"}},
	store.Index{Name: "district", Fields: []string{"district", "at"}},
	store.Index{Name: "subdistrict", Fields: []string{"subdistrict", "at"}},
	store.Index{Name: "community", Fields: []string{"community", "at"}},
	store.DueIndex,
)

// Collections lists what the package stores, for store.Open.
func Collections() []store.Definition { return []store.Definition{entries, readings} }

// put sets where the subject belongs.
func (e *Entry) put(unitPath string) {
	levels := []*string{&e.District, &e.Subdistrict, &e.Community}
	for i, id := range strings.Split(strings.TrimSuffix(unitPath, "/"), "/") {
		if i < len(levels) {
			*levels[i] = id
		}
	}
}

// unitPath is where the subject belonged, as a path.
func (e *Entry) unitPath() string {
	ids := slices.DeleteFunc([]string{e.District, e.Subdistrict, e.Community}, func(id string) bool { return id == "" })
	if len(ids) == 0 {
		return ""
	}
	return strings.Join(ids, "/") + "/"
}
