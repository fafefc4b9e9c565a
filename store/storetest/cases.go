package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/store"
)

// queryCase is a query and what it means.
type queryCase struct {
	name  string
	query store.Query
	match func(*thing) bool
	// order are the fields of the index that are not tied to one value each,
	// or that must be there.
	order []string
}

// cases hold every kind of condition, on every kind of value and index. Each
// is run in both directions.
var cases = slices.Concat(textCases, numberCases, timeCases, compoundCases, uniqueCases, sparseCases)

func all(*thing) bool { return true }

var textCases = []queryCase{
	{"everything by id", store.Query{}, all, nil},
	{"everything by text", store.Query{}.Sort("name"), all, []string{"name"}},
	{"text is", store.Where(store.Eq("name", "深圳")),
		func(d *thing) bool { return d.Name == "深圳" }, nil},
	{"text is empty", store.Where(store.Eq("name", "")),
		func(d *thing) bool { return d.Name == "" }, nil},
	{"text is one of", store.Where(store.In("name", "a", "😀", "none", "a")),
		func(d *thing) bool { return d.Name == "a" || d.Name == "😀" }, nil},
	{"text is one of none", store.Where(store.In[string]("name")),
		func(*thing) bool { return false }, nil},
	{"text begins with a letter", store.Where(store.Prefix("name", "a")),
		func(d *thing) bool { return strings.HasPrefix(d.Name, "a") }, []string{"name"}},
	{"text begins with Chinese", store.Where(store.Prefix("name", "深圳")),
		func(d *thing) bool { return strings.HasPrefix(d.Name, "深圳") }, []string{"name"}},
	{"text begins with nothing", store.Where(store.Prefix("name", "")), all, []string{"name"}},
	{"text from and below", store.Where(store.AtLeast("name", "B"), store.Below("name", "é")),
		func(d *thing) bool { return d.Name >= "B" && d.Name < "é" }, []string{"name"}},
	{"text above and up to", store.Where(store.Above("name", "B"), store.AtMost("name", "é")),
		func(d *thing) bool { return d.Name > "B" && d.Name <= "é" }, []string{"name"}},
	{"nested text is", store.Where(store.Eq("place.city", "é")),
		func(d *thing) bool { return d.Place.City == "é" }, []string{"place.floor"}},
	{"nested text by nested text", store.Query{}.Sort("place.city"), all, []string{"place.city", "place.floor"}},
}

var numberCases = []queryCase{
	{"int is", store.Where(store.Eq("size", -3)),
		func(d *thing) bool { return d.Size == -3 }, nil},
	{"int is one of", store.Where(store.In("size", 5, -6, 99)),
		func(d *thing) bool { return d.Size == 5 || d.Size == -6 }, nil},
	{"int by int", store.Query{}.Sort("size"), all, []string{"size"}},
	{"int at least", store.Where(store.AtLeast("size", -2)),
		func(d *thing) bool { return d.Size >= -2 }, []string{"size"}},
	{"int above a fraction", store.Where(store.Above("size", 1.5)),
		func(d *thing) bool { return d.Size >= 2 }, []string{"size"}},
	{"int is a float", store.Where(store.Eq("size", 2.0)),
		func(d *thing) bool { return d.Size == 2 }, nil},
	{"float is an int", store.Where(store.Eq("weight", 1)),
		func(d *thing) bool { return d.Weight == 1 }, nil},
	{"float at most an int", store.Where(store.AtMost("weight", -1)),
		func(d *thing) bool { return d.Weight <= -1 }, []string{"weight"}},
	{"float between", store.Where(store.Above("weight", -0.25), store.Below("weight", 1.25)),
		func(d *thing) bool { return d.Weight > -0.25 && d.Weight < 1.25 }, []string{"weight"}},
	{"range that is empty", store.Where(store.Above("size", 3), store.Below("size", 3)),
		func(*thing) bool { return false }, []string{"size"}},
}

var timeCases = []queryCase{
	{"time is", store.Where(store.Eq("at", epoch)),
		func(d *thing) bool { return d.At.Equal(epoch) }, nil},
	{"time is, in another zone", store.Where(store.Eq("at", epoch.In(time.FixedZone("CST", 8*3600)))),
		func(d *thing) bool { return d.At.Equal(epoch) }, nil},
	{"time from and below", store.Where(store.AtLeast("at", epoch), store.Below("at", epoch.Add(9*time.Millisecond))),
		func(d *thing) bool { return !d.At.Before(epoch) && d.At.Before(epoch.Add(9*time.Millisecond)) }, []string{"at"}},
	{"time above", store.Where(store.Above("at", epoch)),
		func(d *thing) bool { return d.At.After(epoch) }, []string{"at"}},
	{"true", store.Where(store.Eq("open", true)), func(d *thing) bool { return d.Open }, []string{"at"}},
	{"false or true, by time", store.Where(store.In("open", false, true)).Sort("at"), all, []string{"at"}},
	{"everything by bool", store.Query{}.Sort("open"), all, []string{"open", "at"}},
	{"false, and a range of time", store.Where(store.Eq("open", false), store.AtMost("at", epoch)),
		func(d *thing) bool { return !d.Open && !d.At.After(epoch) }, []string{"at"}},
}

var compoundCases = []queryCase{
	{"first field", store.Where(store.Eq("group", "a")),
		func(d *thing) bool { return d.Group == "a" }, []string{"kind", "size"}},
	{"first two fields", store.Where(store.Eq("group", "b"), store.Eq("kind", "深")),
		func(d *thing) bool { return d.Group == "b" && d.Kind == "深" }, []string{"size"}},
	{"all fields", store.Where(store.Eq("group", "a"), store.Eq("kind", "x"), store.Eq("size", 2)),
		func(d *thing) bool { return d.Group == "a" && d.Kind == "x" && d.Size == 2 }, nil},
	{"several firsts, in the order of the rest", store.Where(store.In("group", "c", "a")).Sort("kind"),
		func(d *thing) bool { return d.Group != "b" }, []string{"kind", "size"}},
	{"several of both, in the order of the rest", store.Where(store.In("group", "c", "a", "b"), store.In("kind", "z", "x")).Sort("size"),
		func(d *thing) bool { return d.Kind == "z" || d.Kind == "x" }, []string{"size"}},
	{"several of both, and a range", store.Where(store.In("group", "c", "a"), store.In("kind", "z", "x", "y"), store.AtLeast("size", 0), store.Below("size", 4)),
		func(d *thing) bool { return d.Group != "b" && d.Kind != "深" && d.Size >= 0 && d.Size < 4 }, []string{"size"}},
	{"several of all fields", store.Where(store.In("group", "c", "a"), store.In("kind", "z", "y"), store.In("size", 0, 1, 2)),
		func(d *thing) bool {
			return d.Group != "b" && (d.Kind == "z" || d.Kind == "y") && d.Size >= 0 && d.Size <= 2
		}, nil},
	{"range on the first field", store.Where(store.AtLeast("group", "b")),
		func(d *thing) bool { return d.Group >= "b" }, []string{"group", "kind", "size"}},
	{"range on the second field", store.Where(store.Eq("group", "a"), store.Prefix("kind", "深")),
		func(d *thing) bool { return d.Group == "a" && d.Kind == "深" }, []string{"kind", "size"}},
}

var uniqueCases = []queryCase{
	{"unique by its first field", store.Where(store.Eq("kind", "x")).Sort("slot"),
		func(d *thing) bool { return d.Kind == "x" }, []string{"slot"}},
	{"unique, several firsts, by the second", store.Where(store.In("kind", "x", "y", "z")).Sort("slot"),
		func(d *thing) bool { return d.Kind != "深" }, []string{"slot"}},
	{"unique, range of the second", store.Where(store.Eq("kind", "x"), store.Above("slot", 40), store.AtMost("slot", 200)),
		func(d *thing) bool { return d.Kind == "x" && d.Slot > 40 && d.Slot <= 200 }, []string{"slot"}},
	{"unique, all fields", store.Where(store.In("kind", "x", "y"), store.In("slot", 1, 2, 3, 4, 5, 6, 7, 8)),
		func(d *thing) bool { return (d.Kind == "x" || d.Kind == "y") && d.Slot >= 1 && d.Slot <= 8 }, nil},
	{"unique and sparse is", store.Where(store.Eq("code", "C-10")),
		func(d *thing) bool { return d.Code == "C-10" }, nil},
	{"unique and sparse, one of", store.Where(store.In("code", "C-10", "C-11", "C-15", "C-20")),
		func(d *thing) bool { return d.Code == "C-10" || d.Code == "C-15" || d.Code == "C-20" }, nil},
	{"unique and sparse, everything", store.Query{}.Sort("code"), all, []string{"code"}},
	{"unique and sparse, prefix", store.Where(store.Prefix("code", "C-1")),
		func(d *thing) bool { return strings.HasPrefix(d.Code, "C-1") }, []string{"code"}},
}

var sparseCases = []queryCase{
	{"sparse everything", store.Query{}.Sort("holder"), all, []string{"holder", "at"}},
	{"sparse is", store.Where(store.Eq("holder", "10")),
		func(d *thing) bool { return d.Holder != nil && *d.Holder == "10" }, []string{"at"}},
	{"sparse is empty text", store.Where(store.Eq("holder", "")),
		func(d *thing) bool { return d.Holder != nil && *d.Holder == "" }, []string{"at"}},
	{"sparse, several by time", store.Where(store.In("holder", "", "9", "none")).Sort("at"),
		func(d *thing) bool { return d.Holder != nil && (*d.Holder == "" || *d.Holder == "9") }, []string{"at"}},
	{"sparse, below", store.Where(store.Below("holder", "9")),
		func(d *thing) bool { return d.Holder != nil && *d.Holder < "9" }, []string{"holder", "at"}},
	{"due", store.Where(store.AtMost("dueAt", epoch.Add(4*time.Hour))).Sort("dueAt"),
		func(d *thing) bool { return !d.DueAt.IsZero() && !d.DueAt.After(epoch.Add(4*time.Hour)) }, []string{"dueAt"}},
}

// reversed is the query in descending order. To ask for it, one names the
// field that orders already.
func (c *queryCase) reversed() store.Query {
	if len(c.order) == 0 {
		return c.query.SortDescending("")
	}
	return c.query.SortDescending(c.order[0])
}
