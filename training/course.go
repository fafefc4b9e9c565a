package training

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// Course is something that is taught. Its id is a code such as
// "first-responder", by which staff and policies call it.
type Course struct {
	store.Meta     `bson:",inline"`
	Name           Name `bson:"name"`
	ValidityMonths int  `bson:"validityMonths"` // of the certificates that it earns
}

// Name is a name in each language.
type Name struct {
	Chinese string `bson:"chinese"`
	English string `bson:"english"` // "" where there is none
}

// In returns the name in the language, or in Chinese if it has none in that.
func (n Name) In(tag locale.Tag) string {
	if tag == locale.English && n.English != "" {
		return n.English
	}
	return n.Chinese
}

// MaxValidityMonths is the longest that a certificate may be valid: ten years.
const MaxValidityMonths = 120

var courses = store.Define[Course]("courses")

// NewCourse is a course to be added.
type NewCourse struct {
	ID             string
	Name           Name
	ValidityMonths int // 1 to MaxValidityMonths
}

// FirstResponderID is the id of the course that makes a first responder.
const FirstResponderID = "first-responder"

// FirstResponder is the course of the programme itself, which every dispatch
// asks for unless its policy says otherwise. Certificates of the programme are
// valid for two years.
func FirstResponder() NewCourse {
	return NewCourse{ID: FirstResponderID, Name: Name{Chinese: "应急第一响应人", English: "First responder"}, ValidityMonths: 24}
}

// AddCourse adds a course. It is for start-up and demo data, and asks for no
// actor. It fails with INVALID, or with CONFLICT if the id is taken.
func (s *Service) AddCourse(ctx context.Context, on store.Conn, n NewCourse) (*Course, error) {
	switch {
	case n.ID == "":
		return nil, fault.Invalid("id", "required")
	case n.Name.Chinese == "":
		return nil, fault.Invalid("name", "required")
	case n.ValidityMonths < 1 || n.ValidityMonths > MaxValidityMonths:
		return nil, fault.Invalid("validityMonths", "validity_months", fault.Args{"max": MaxValidityMonths})
	}
	c := &Course{Meta: store.Meta{ID: n.ID}, Name: n.Name, ValidityMonths: n.ValidityMonths}
	err := courses.Insert(ctx, on, c)
	if errors.Is(err, store.ErrDuplicate) {
		return nil, fault.Conflict("course_id")
	}
	if err != nil {
		return nil, fmt.Errorf("adding a course: %w", err)
	}
	return c, nil
}

// Course returns the course, or NOT_FOUND. Courses are public.
func (s *Service) Course(ctx context.Context, id string) (*Course, error) {
	return findCourse(ctx, s.db, id)
}

func findCourse(ctx context.Context, on store.Conn, id string) (*Course, error) {
	c, err := courses.Get(ctx, on, id)
	return known(c, err, "course")
}

// Courses returns those of the courses that exist, by id.
func (s *Service) Courses(ctx context.Context, ids []string) (map[string]*Course, error) {
	return courses.GetMany(ctx, s.db, ids)
}
