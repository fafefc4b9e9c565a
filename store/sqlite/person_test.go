package sqlite_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/store"
)

// person is a document of about 600 bytes.
type person struct {
	store.Meta `bson:",inline"`
	Phone      string    `bson:"phone"`
	Unit       string    `bson:"unit"`
	At         time.Time `bson:"at"`
	Name       string    `bson:"name"`
	Skills     []string  `bson:"skills"`
	Notes      string    `bson:"notes"`
}

var people = store.Define[person]("people",
	store.Index{Name: "phone", Fields: []string{"phone"}, Unique: true},
	store.Index{Name: "unit", Fields: []string{"unit", "at"}},
)

func newPerson(n int) *person {
	return &person{
		Meta:   store.Meta{ID: personID(n)},
		Phone:  phone(n),
		Unit:   unit(n),
		At:     time.UnixMilli(1_700_000_000_000 + int64(n)*1000).UTC(),
		Name:   fmt.Sprintf("志愿者 %d", n),
		Skills: []string{"first-aid", "fire", "evacuation", "information"},
		Notes:  strings.Repeat("应急第一响应人 ", 14),
	}
}

// personID returns ids that are spread like those of documents that are read
// at random, and not in the order of their making.
func personID(n int) string { return fmt.Sprintf("rsp_%08x", uint32(n)*2654435761) }

func phone(n int) string { return fmt.Sprintf("+86138%08d", n) }

func unit(n int) string { return fmt.Sprintf("440303%06d", n%1000) }
