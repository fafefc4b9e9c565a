package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/musterhq/muster/store"
)

// hintOf returns the name by which the server knows an index.
func hintOf(ix *store.Index) string {
	if len(ix.Fields) == 0 {
		return "_id_"
	}
	return ix.Name
}

// filterOf returns the filter of a scan: the equalities, the range of the next
// field, for a sparse index that the other fields exist, which makes the
// filter imply that of the partial index, and what lies behind After.
func filterOf(s *store.Scan) bson.D {
	filter := bson.D{}
	for i, values := range s.Equal {
		filter = append(filter, bson.E{Key: s.Index.Fields[i], Value: anyOf(values)})
	}
	for i, field := range s.Rest() {
		var cond bson.D
		if i == 0 {
			cond = rangeOf(s.Low, s.High)
		}
		if len(cond) == 0 && s.Index.Sparse {
			cond = bson.D{{Key: "$exists", Value: true}}
		}
		if len(cond) > 0 {
			filter = append(filter, bson.E{Key: field, Value: cond})
		}
	}
	return append(filter, behind(s)...)
}

func anyOf(values []any) any {
	if len(values) == 1 {
		return values[0]
	}
	return bson.D{{Key: "$in", Value: bson.A(values)}}
}

func rangeOf(low, high *store.Bound) bson.D {
	var cond bson.D
	if low != nil {
		cond = append(cond, bson.E{Key: pick(low.Inclusive, "$gte", "$gt"), Value: low.Value})
	}
	if high != nil {
		cond = append(cond, bson.E{Key: pick(high.Inclusive, "$lte", "$lt"), Value: high.Value})
	}
	return cond
}

// behind returns the condition for what follows After in the order of the
// scan: the lexicographic comparison, written out, and beside it the range of
// the first field that it implies, since the planner takes its bounds from
// that and not from within an $or.
func behind(s *store.Scan) bson.D {
	if s.After == nil {
		return nil
	}
	beyond, from := "$gt", "$gte"
	if s.Descending {
		beyond, from = "$lt", "$lte"
	}
	fields := append(append([]string{}, s.Rest()...), "_id")
	if len(fields) == 1 {
		return bson.D{{Key: "_id", Value: bson.D{{Key: beyond, Value: s.After[0]}}}}
	}
	branches := bson.A{}
	for i, field := range fields {
		branch := bson.D{}
		for j, tied := range fields[:i] {
			branch = append(branch, bson.E{Key: tied, Value: s.After[j]})
		}
		branch = append(branch, bson.E{Key: field, Value: bson.D{{Key: beyond, Value: s.After[i]}}})
		branches = append(branches, branch)
	}
	return bson.D{{Key: "$and", Value: bson.A{
		bson.D{{Key: fields[0], Value: bson.D{{Key: from, Value: s.After[0]}}}},
		bson.D{{Key: "$or", Value: branches}},
	}}}
}

// sortOf returns the order of a scan. A unique index does not hold the id: it
// is left out where the fields alone make the order total, because then the
// index gives it.
func sortOf(s *store.Scan) bson.D {
	direction := int32(1)
	if s.Descending {
		direction = -1
	}
	order := bson.D{}
	for _, field := range s.Rest() {
		order = append(order, bson.E{Key: field, Value: direction})
	}
	if s.Index.Unique && len(s.Index.Fields) > 0 && single(s.Equal) {
		return order
	}
	return append(order, bson.E{Key: "_id", Value: direction})
}

// single reports whether each of the leading fields has one value.
func single(equal [][]any) bool {
	for _, values := range equal {
		if len(values) != 1 {
			return false
		}
	}
	return true
}

func pick(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}
