package roster

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/musterhq/muster/sheet"
)

// nameIndex finds units by what people write for them.
type nameIndex struct {
	byID map[string]*Unit
	// exact has the units by their names, with or without those above them;
	// loose by their names without 区, 街道 and 社区.
	exact, loose map[string][]*Unit
}

// newNameIndex indexes the units, of which there are some hundreds.
func newNameIndex(all []*Unit) *nameIndex {
	x := &nameIndex{byID: map[string]*Unit{}, exact: map[string][]*Unit{}, loose: map[string][]*Unit{}}
	for _, u := range all {
		x.byID[u.ID] = u
	}
	for _, u := range all {
		for name := range spellings(x.chain(u), func(name string) []string { return []string{name} }) {
			x.exact[name] = append(x.exact[name], u)
		}
		for name := range spellings(x.chain(u), shortNames) {
			x.loose[name] = append(x.loose[name], u)
		}
	}
	return x
}

// chain is the names from the top down to the unit.
func (x *nameIndex) chain(u *Unit) []string {
	var names []string
	for ; u != nil && len(names) < 3; u = x.byID[u.ParentID] {
		names = append(names, squeezed(u.Name))
	}
	slices.Reverse(names)
	return names
}

// spellings are all ways to write the last of the names, with any of the others
// before it.
func spellings(chain []string, ways func(string) []string) map[string]bool {
	last := len(chain) - 1
	ends := ways(chain[last])
	all := map[string]bool{}
	for _, e := range ends {
		all[e] = true
	}
	for i := last - 1; i >= 0; i-- {
		for _, known := range slices.Collect(maps.Keys(all)) {
			for _, above := range ways(chain[i]) {
				all[above+known] = true
			}
		}
	}
	return all
}

// endings are how the names of one kind of unit end, officially and as people
// write them, the longest first; the last is none at all.
var endings = [][]string{
	{"社区居民委员会", "社区居委会", "社区工作站", "居民委员会", "居委会", "社区", ""},
	{"街道办事处", "街道办", "街道", "街办", ""},
	{"区", ""},
}

// shortNames returns the name with each of the endings that such a unit's may
// have.
func shortNames(name string) []string {
	for _, kind := range endings {
		for _, ending := range kind[:len(kind)-1] {
			stem, ok := strings.CutSuffix(name, ending)
			if !ok || stem == "" {
				continue
			}
			names := []string{name}
			for _, other := range kind {
				names = append(names, stem+other)
			}
			return names
		}
	}
	return []string{name}
}

// squeezed is a name without spaces and the signs that people put between the
// parts of a path.
func squeezed(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /\\>-—_·|、,.:", r) {
			return -1
		}
		return r
	}, sheet.Fold(name)))
}

// aboveDistricts are the names of a province and a city before a district's.
var aboveDistricts = regexp.MustCompile(`^(.{2,8}?省)?(.{2,6}?市)?`)

// find returns the units that the names, from the top down, may mean.
func (x *nameIndex) find(names []string) []*Unit {
	text := squeezed(strings.Join(names, ""))
	for _, t := range []string{text, aboveDistricts.ReplaceAllString(text, "")} {
		for _, by := range []map[string][]*Unit{x.exact, x.loose} {
			if found := by[t]; len(found) > 0 {
				return found
			}
		}
	}
	if last := len(names) - 1; last > 0 && containsAll(squeezed(names[last]), names[:last]) {
		return x.find(names[last:]) // which has the whole path
	}
	return nil
}

func containsAll(text string, names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !strings.Contains(text, squeezed(n)) })
}

// resolve finds the unit that a row means within the import's scope. It returns
// nil if the row says none.
func (x *nameIndex) resolve(said *saying, scope string) (*Unit, *ImportProblem) {
	if said.UnitCode == "" {
		if len(said.UnitNames) == 0 {
			return nil, nil
		}
		return x.resolveNames(said.UnitNames, scope)
	}
	u, problem := x.resolveCode(said.UnitCode, scope)
	if problem != nil || len(said.UnitNames) == 0 {
		return u, problem
	}
	return x.reconcile(u, said.UnitNames)
}

func (x *nameIndex) resolveCode(code, scope string) (*Unit, *ImportProblem) {
	u := x.byID[code]
	switch {
	case u == nil:
		return nil, &ImportProblem{Field: FieldUnitCode, Code: ProblemUnit, Value: code}
	case !strings.HasPrefix(u.Path, scope):
		return nil, &ImportProblem{Field: FieldUnitCode, Code: ProblemOutside, Value: code}
	}
	return u, nil
}

// reconcile decides between a row's code and its names. Names that nobody knows
// are those of teams. Of two units, one within the other, the lower is meant:
// people write a subdistrict's code beside a community's name. Otherwise one of
// the two was edited, and nobody can tell which: whatever the roster has, the
// same file would have to come to the same when it is imported again.
func (x *nameIndex) reconcile(byCode *Unit, names []string) (*Unit, *ImportProblem) {
	named := x.find(names)
	switch {
	case len(named) == 0, slices.ContainsFunc(named, func(u *Unit) bool { return strings.HasPrefix(byCode.Path, u.Path) }):
		return byCode, nil
	case slices.ContainsFunc(named, func(u *Unit) bool { return strings.HasPrefix(u.Path, byCode.Path) }):
		return x.resolveNames(names, byCode.Path)
	}
	return nil, &ImportProblem{Field: FieldUnit, Code: ProblemUnitsDiffer, Value: strings.Join(names, "/")}
}

func (x *nameIndex) resolveNames(names []string, scope string) (*Unit, *ImportProblem) {
	problem := &ImportProblem{Field: FieldUnit, Code: ProblemUnit, Value: strings.Join(names, "/")}
	all := x.find(names)
	if len(all) == 0 {
		return nil, problem
	}
	within := slices.DeleteFunc(slices.Clone(all), func(u *Unit) bool { return !strings.HasPrefix(u.Path, scope) })
	switch len(within) {
	case 0:
		problem.Code = ProblemOutside
		return nil, problem
	case 1:
		return within[0], nil
	}
	problem.Code, problem.Args = ProblemAmbiguous, map[string]string{"codes": codesOf(within)}
	return nil, problem
}

// maxCandidates is how many units an ambiguous name lists.
const maxCandidates = 5

func codesOf(all []*Unit) string {
	slices.SortFunc(all, func(a, b *Unit) int { return cmp.Compare(a.ID, b.ID) })
	var codes []string
	for _, u := range all[:min(len(all), maxCandidates)] {
		codes = append(codes, u.ID+" "+u.Name)
	}
	if len(all) > maxCandidates {
		codes = append(codes, "…")
	}
	return strings.Join(codes, ", ")
}
