package mongo

import (
	"context"
	"errors"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/musterhq/muster/store"
)

// ops are the operations; run gives each its session, and turns its error into
// one of store's.
type ops struct {
	db  *driver.Database
	run func(ctx context.Context, c *store.Spec, id string, step func(context.Context) error) error
	// careful writes look for taken keys first; see tx.
	careful bool
}

// collection returns the driver's handle. Relaxed collections are read as they
// are on the primary, since a majority may not have their last writes yet.
func (o *ops) collection(c *store.Spec) *driver.Collection {
	if !c.Relaxed {
		return o.db.Collection(c.Name)
	}
	return o.db.Collection(c.Name, options.Collection().
		SetWriteConcern(writeconcern.W1()).SetReadConcern(readconcern.Local()))
}

// Get implements store.Ops.
func (o *ops) Get(ctx context.Context, c *store.Spec, ids []string) (docs []bson.Raw, err error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
	if len(ids) == 1 {
		filter = byID(ids[0])
	}
	err = o.run(ctx, c, "", func(ctx context.Context) error {
		docs, err = o.find(ctx, c, filter, options.Find().SetBatchSize(oneBatch(len(ids))))
		return err
	})
	return docs, err
}

// Insert implements store.Ops.
func (o *ops) Insert(ctx context.Context, c *store.Spec, id string, doc bson.Raw) error {
	return o.run(ctx, c, id, func(ctx context.Context) error {
		if o.careful {
			if err := o.insertable(ctx, c, id, doc); err != nil {
				return err
			}
		}
		_, err := o.collection(c).InsertOne(ctx, doc)
		return err
	})
}

// Replace implements store.Ops.
func (o *ops) Replace(ctx context.Context, c *store.Spec, id string, rev int64, doc bson.Raw) error {
	return o.run(ctx, c, id, func(ctx context.Context) error {
		if o.careful {
			if err := o.replaceable(ctx, c, id, rev, doc); err != nil {
				return err
			}
		}
		r, err := o.collection(c).ReplaceOne(ctx, byRevision(id, rev), doc)
		if err != nil || r.MatchedCount > 0 {
			return err
		}
		return o.whyNot(ctx, c, id)
	})
}

// Delete implements store.Ops.
func (o *ops) Delete(ctx context.Context, c *store.Spec, id string, rev int64) error {
	return o.run(ctx, c, id, func(ctx context.Context) error {
		r, err := o.collection(c).DeleteOne(ctx, byRevision(id, rev))
		if err != nil || r.DeletedCount > 0 {
			return err
		}
		return o.whyNot(ctx, c, id)
	})
}

// whyNot returns why a write found no document of that id and revision. It
// reads in the write's session, and so what a majority has once that includes
// what the write saw: whoever loads the document after ErrStale gets a newer
// one.
func (o *ops) whyNot(ctx context.Context, c *store.Spec, id string) error {
	found, err := o.exists(ctx, c, byID(id), "_id_")
	switch {
	case err != nil:
		return err
	case found:
		return store.ErrStale
	default:
		return store.ErrNotFound
	}
}

func (o *ops) exists(ctx context.Context, c *store.Spec, filter bson.D, hint string) (bool, error) {
	onlyID := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}}).SetHint(hint)
	err := o.collection(c).FindOne(ctx, filter, onlyID).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// Find implements store.Ops.
func (o *ops) Find(ctx context.Context, c *store.Spec, s store.Scan) (docs []bson.Raw, err error) {
	opts := options.Find().SetHint(hintOf(s.Index)).
		SetLimit(int64(s.Limit)).SetBatchSize(oneBatch(s.Limit))
	if order := sortOf(&s); len(order) > 0 {
		opts.SetSort(order)
	}
	err = o.run(ctx, c, "", func(ctx context.Context) error {
		docs, err = o.find(ctx, c, filterOf(&s), opts)
		return err
	})
	return docs, err
}

func (o *ops) find(ctx context.Context, c *store.Spec, filter bson.D, opts *options.FindOptionsBuilder) ([]bson.Raw, error) {
	cursor, err := o.collection(c).Find(ctx, filter, opts)
	if err != nil {
		return nil, err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	var docs []bson.Raw
	for cursor.Next(ctx) {
		docs = append(docs, slices.Clone(cursor.Current))
	}
	return docs, cursor.Err()
}

// oneBatch is the batch size for which n documents come in one answer that
// also ends the cursor.
func oneBatch(n int) int32 { return int32(min(n, math.MaxInt32-1) + 1) }

// Count implements store.Ops.
func (o *ops) Count(ctx context.Context, c *store.Spec, s store.Scan) (n int64, err error) {
	err = o.run(ctx, c, "", func(ctx context.Context) error {
		n, err = o.collection(c).CountDocuments(ctx, filterOf(&s), options.Count().SetHint(hintOf(s.Index)))
		return err
	})
	return n, err
}

// CountBy implements store.Ops.
func (o *ops) CountBy(ctx context.Context, c *store.Spec, s store.Scan, field string) (map[string]int64, error) {
	var groups []struct {
		Value string `bson:"_id"`
		N     int64  `bson:"n"`
	}
	err := o.run(ctx, c, "", func(ctx context.Context) error {
		cursor, err := o.collection(c).Aggregate(ctx, countBy(&s, field), options.Aggregate().SetHint(hintOf(s.Index)))
		if err != nil {
			return err
		}
		return cursor.All(ctx, &groups)
	})
	counts := make(map[string]int64, len(groups))
	for _, g := range groups {
		counts[g.Value] = g.N
	}
	return counts, err
}

func countBy(s *store.Scan, field string) driver.Pipeline {
	return driver.Pipeline{
		{{Key: "$match", Value: filterOf(s)}},
		{{Key: "$group", Value: bson.D{
			{Key: "_id", Value: "$" + field},
			{Key: "n", Value: bson.D{{Key: "$sum", Value: int64(1)}}},
		}}},
	}
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

func byRevision(id string, rev int64) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "rev", Value: rev}}
}
