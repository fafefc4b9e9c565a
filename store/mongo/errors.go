package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/musterhq/muster/store"
)

// codeDuplicate is the server's DuplicateKey.
const codeDuplicate = 11000

// Labels by which the server and the driver say what may be repeated.
const (
	labelTransient     = "TransientTransactionError"
	labelUnknownCommit = "UnknownTransactionCommitResult"
	labelNetwork       = "NetworkError"
	labelResumable     = "ResumableChangeStreamError"
)

// explain turns an error of the driver into one of store's, or of the context,
// if it is one.
func explain(ctx context.Context, c *store.Spec, err error) error {
	switch {
	case err == nil:
		return nil
	case driver.IsDuplicateKeyError(err):
		return &store.DuplicateError{Collection: c.Name, Index: takenIndex(c, err)}
	case errors.Is(err, driver.ErrClientDisconnected):
		return store.ErrClosed
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	default:
		return err
	}
}

// takenIndex returns which index a duplicate key error is about, "" if the
// server does not say: from its key pattern, or else from its message,
//
//	E11000 duplicate key error collection: db.things index: by_name dup key: { name: "x" }
func takenIndex(c *store.Spec, err error) string {
	raw, message := duplicateIn(err)
	if pattern, ok := raw.Lookup("keyPattern").DocumentOK(); ok {
		if name := indexOf(c, pattern); name != "" {
			return name
		}
	}
	_, rest, _ := strings.Cut(message, " index: ")
	name, _, found := strings.Cut(rest, " dup key")
	switch {
	case !found:
		return ""
	case name == "_id_":
		return "_id"
	default:
		return name
	}
}

// duplicateIn finds the duplicate key error in what the driver returned.
func duplicateIn(err error) (bson.Raw, string) {
	var we driver.WriteException
	if errors.As(err, &we) {
		for _, e := range we.WriteErrors {
			if e.Code == codeDuplicate {
				return e.Raw, e.Message
			}
		}
	}
	var ce driver.CommandError
	if errors.As(err, &ce) {
		return ce.Raw, ce.Message
	}
	return nil, err.Error()
}

// indexOf returns the unique index with the key pattern.
func indexOf(c *store.Spec, pattern bson.Raw) string {
	elements, err := pattern.Elements()
	if err != nil {
		return ""
	}
	fields := make([]string, len(elements))
	for i, e := range elements {
		fields[i] = e.Key()
	}
	if slices.Equal(fields, []string{"_id"}) {
		return "_id"
	}
	for _, ix := range c.Indexes {
		if ix.Unique && slices.Equal(fields, ix.Fields) {
			return ix.Name
		}
	}
	return ""
}

// labelled reports whether an error carries one of the labels.
func labelled(err error, labels ...string) bool {
	var le driver.LabeledError
	return errors.As(err, &le) && slices.ContainsFunc(labels, le.HasErrorLabel)
}

// hasCode reports whether an error of the server has one of the codes.
func hasCode(err error, codes ...int) bool {
	var se driver.ServerError
	return errors.As(err, &se) && slices.ContainsFunc(codes, se.HasErrorCode)
}
