package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/musterhq/muster/store"
)

// Codes of the server about collections and indexes.
const (
	codeIndexNotFound         = 27
	codeNamespaceExists       = 48
	codeIndexOptionsConflict  = 85
	codeIndexKeySpecsConflict = 86
)

// Prepare implements store.Engine: it refuses a server that is too old or
// standalone, creates what is missing, and has the change stream open when it
// returns, so that no later commit is missed.
func (e *Engine) Prepare(ctx context.Context, cs []*store.Spec, changes func([]store.Change), lost func()) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.running.Done()
	if !e.plain {
		if err := e.checkServer(ctx); err != nil {
			return err
		}
	}
	if err := e.create(ctx, cs); err != nil {
		return err
	}
	if e.plain {
		return nil
	}
	return e.follow(ctx, cs, changes, lost)
}

func (e *Engine) create(ctx context.Context, cs []*store.Spec) error {
	existing, err := e.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return fmt.Errorf("mongo: listing collections: %w", err)
	}
	for _, c := range cs {
		if !slices.Contains(existing, c.Name) {
			err := e.db.CreateCollection(ctx, c.Name)
			if err != nil && !hasCode(err, codeNamespaceExists) {
				return fmt.Errorf("mongo: creating %s: %w", c.Name, err)
			}
		}
		if err := e.index(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// index creates the declared indexes of a collection, one a call.
func (e *Engine) index(ctx context.Context, c *store.Spec) error {
	if err := distinct(c); err != nil {
		return err
	}
	indexes := e.db.Collection(c.Name).Indexes() // not relaxed
	for _, ix := range c.Indexes {
		model := modelOf(ix, !e.plain)
		_, err := indexes.CreateOne(ctx, model)
		if hasCode(err, codeIndexOptionsConflict, codeIndexKeySpecsConflict) {
			if err = dropInTheWay(ctx, indexes, ix); err == nil {
				_, err = indexes.CreateOne(ctx, model)
			}
		}
		if err != nil {
			return fmt.Errorf("mongo: creating index %s of %s: %w", ix.Name, c.Name, err)
		}
	}
	return nil
}

// distinct refuses two indexes with the same keys, of which MongoDB 4.4 keeps
// one only.
func distinct(c *store.Spec) error {
	for i, a := range c.Indexes {
		for _, b := range c.Indexes[:i] {
			if slices.Equal(keyFields(a), keyFields(b)) {
				return fmt.Errorf("mongo: indexes %s and %s of %s have the same keys", b.Name, a.Name, c.Name)
			}
		}
	}
	return nil
}

// keyFields returns the fields of the index as it is in the database: the
// declared ones, then the id, unless uniqueness of the former is the point.
func keyFields(ix store.Index) []string {
	if ix.Unique {
		return ix.Fields
	}
	return append(slices.Clone(ix.Fields), "_id")
}

// modelOf returns the index for the driver. A sparse index becomes a partial
// one: MongoDB's own sparse indexes hold documents that have only some of the
// fields.
func modelOf(ix store.Index, partial bool) driver.IndexModel {
	opts := options.Index().SetName(ix.Name)
	if ix.Unique {
		opts.SetUnique(true)
	}
	if ix.Sparse && partial {
		present := bson.D{}
		for _, f := range ix.Fields {
			present = append(present, bson.E{Key: f, Value: bson.D{{Key: "$exists", Value: true}}})
		}
		opts.SetPartialFilterExpression(present)
	}
	return driver.IndexModel{Keys: keysOf(ix), Options: opts}
}

func keysOf(ix store.Index) bson.D {
	keys := bson.D{}
	for _, f := range keyFields(ix) {
		keys = append(keys, bson.E{Key: f, Value: int32(1)})
	}
	return keys
}

// dropInTheWay drops the indexes that have the name of ix, or its keys: those
// of an earlier declaration.
func dropInTheWay(ctx context.Context, indexes driver.IndexView, ix store.Index) error {
	there, err := indexes.ListSpecifications(ctx)
	if err != nil {
		return err
	}
	for _, old := range there {
		if old.Name != ix.Name && !sameKeys(old.KeysDocument, ix) {
			continue
		}
		if err := indexes.DropOne(ctx, old.Name); err != nil && !hasCode(err, codeIndexNotFound) {
			return errors.Join(fmt.Errorf("dropping %s", old.Name), err)
		}
	}
	return nil
}

func sameKeys(keys bson.Raw, ix store.Index) bool {
	elements, err := keys.Elements()
	if err != nil {
		return false
	}
	fields := make([]string, len(elements))
	for i, e := range elements {
		fields[i] = e.Key()
	}
	return slices.Equal(fields, keyFields(ix))
}
