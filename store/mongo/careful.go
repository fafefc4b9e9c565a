package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/store"
)

// insertable returns the error that inserting doc would meet, as far as the
// transaction's snapshot shows.
func (o *ops) insertable(ctx context.Context, c *store.Spec, id string, doc bson.Raw) error {
	taken, err := o.exists(ctx, c, byID(id), "_id_")
	if err != nil {
		return err
	}
	if taken {
		return &store.DuplicateError{Collection: c.Name, Index: "_id"}
	}
	return o.keysFree(ctx, c, id, doc)
}

// replaceable returns the error that replacing revision rev by doc would meet,
// as far as the transaction's snapshot shows.
func (o *ops) replaceable(ctx context.Context, c *store.Spec, id string, rev int64, doc bson.Raw) error {
	found, err := o.exists(ctx, c, byRevision(id, rev), "_id_")
	if err != nil {
		return err
	}
	if !found {
		return o.whyNot(ctx, c, id)
	}
	return o.keysFree(ctx, c, id, doc)
}

// keysFree fails if another document has one of the unique keys of doc.
func (o *ops) keysFree(ctx context.Context, c *store.Spec, id string, doc bson.Raw) error {
	for _, ix := range c.Indexes {
		filter, ok := holders(ix, id, doc)
		if !ok {
			continue
		}
		taken, err := o.exists(ctx, c, filter, ix.Name)
		if err != nil {
			return err
		}
		if taken {
			return &store.DuplicateError{Collection: c.Name, Index: ix.Name}
		}
	}
	return nil
}

// holders returns the filter for the other documents that have doc's key in a
// unique index; it is not ok if the index is not unique or has no such key.
func holders(ix store.Index, id string, doc bson.Raw) (filter bson.D, ok bool) {
	if !ix.Unique {
		return nil, false
	}
	for _, f := range ix.Fields {
		value := store.Value(doc, f)
		if value == nil && ix.Sparse {
			return nil, false
		}
		filter = append(filter, bson.E{Key: f, Value: value})
	}
	return append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$ne", Value: id}}}), true
}
