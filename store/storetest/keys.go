package storetest

import (
	"testing"

	"github.com/musterhq/muster/store"
)

func testKeys(t *testing.T, open Opener) {
	each(t, open, []test{
		{"a taken id is a duplicate of _id", testTakenID},
		{"a taken key names its index on insert", testTakenKeyInsert},
		{"a taken id comes before a taken key", testTakenBoth},
		{"a taken key names its index on replace", testTakenKeyReplace},
		{"a document may keep its own key", testOwnKey},
		{"a key is free again after delete and change", testKeyFreed},
		{"a unique index of several fields is about all of them", testCompoundKey},
		{"documents without the field do not collide in a sparse unique index", testSparseUnique},
		{"a sparse index leaves out documents without its fields", testSparse},
	})
}

func testTakenID(t *testing.T, db *store.DB) {
	first := insertSome(t, db, 1)[0]
	second := newThing(1)
	second.ID = first.ID
	wantTaken(t, things.Insert(t.Context(), db, second), "_id")
	wantStored(t, db, first)
	wantCount(t, db, store.Query{}, 1)
}

func testTakenKeyInsert(t *testing.T, db *store.DB) {
	one, two := newThing(1), newThing(2)
	one.Code, two.Code = "C-1", "C-1"
	insert(t, db, one)
	wantTaken(t, things.Insert(t.Context(), db, two), "code")
	wantAbsent(t, db, two.ID)
	two.Code, two.Slot = "C-2", one.Slot
	wantTaken(t, things.Insert(t.Context(), db, two), "slot")
	wantAbsent(t, db, two.ID)
}

func testTakenBoth(t *testing.T, db *store.DB) {
	doc := newThing(1)
	doc.Code = "C-1"
	insert(t, db, doc)
	again := *doc
	wantTaken(t, things.Insert(t.Context(), db, &again), "_id")
	wantStored(t, db, doc)
}

func testTakenKeyReplace(t *testing.T, db *store.DB) {
	one, two := newThing(1), newThing(2)
	one.Code = "C-1"
	insert(t, db, one, two)
	before := *two
	two.Code = "C-1"
	wantTaken(t, things.Replace(t.Context(), db, two), "code")
	if two.Rev != 1 {
		t.Errorf("revision after a failed replace: got %d, want 1", two.Rev)
	}
	wantStored(t, db, &before)
}

func testOwnKey(t *testing.T, db *store.DB) {
	doc := newThing(1)
	doc.Code = "C-1"
	insert(t, db, doc)
	doc.Name = "changed"
	if err := things.Replace(t.Context(), db, doc); err != nil {
		t.Fatal(err)
	}
	wantStored(t, db, doc)
}

func testKeyFreed(t *testing.T, db *store.DB) {
	docs := []*thing{newThing(0), newThing(1), newThing(2), newThing(3)}
	docs[0].Code, docs[1].Code = "C-0", "C-1"
	insert(t, db, docs[0], docs[1])
	docs[0].Code = ""
	if err := things.Replace(t.Context(), db, docs[0]); err != nil {
		t.Fatal(err)
	}
	if err := things.Delete(t.Context(), db, docs[1]); err != nil {
		t.Fatal(err)
	}
	docs[2].Code, docs[3].Code = "C-0", "C-1"
	insert(t, db, docs[2], docs[3])
	wantList(t, db, store.Where(store.In("code", "C-0", "C-1")), docs[2].ID, docs[3].ID)
}

func testCompoundKey(t *testing.T, db *store.DB) {
	one, same, other := newThing(1), newThing(2), newThing(3)
	same.Kind, other.Kind = "y", "x"
	same.Slot, other.Slot = 1, 2
	insert(t, db, one, same, other)
	other.Slot = 1
	wantTaken(t, things.Replace(t.Context(), db, other), "slot")
	wantList(t, db, store.Where(store.Eq("kind", "x"), store.Eq("slot", 1)), one.ID)
	wantList(t, db, store.Where(store.In("kind", "y", "x"), store.Eq("slot", 1)), one.ID, same.ID)
}

func testSparseUnique(t *testing.T, db *store.DB) {
	insertSome(t, db, 5)
	with := newThing(9)
	with.Code = "C-9"
	insert(t, db, with)
	wantList(t, db, store.Where(store.AtLeast("code", "")), with.ID)
	wantList(t, db, store.Query{}.Sort("code"), with.ID)
	wantCount(t, db, store.Query{}, 6)
}

func testSparse(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 4)
	holder := "acc_1"
	for _, i := range []int{3, 1} {
		docs[i].Holder = &holder
		if err := things.Replace(t.Context(), db, docs[i]); err != nil {
			t.Fatal(err)
		}
	}
	wantList(t, db, store.Where(store.Eq("holder", holder)).SortDescending("at"), docs[3].ID, docs[1].ID)
	wantList(t, db, store.Query{}.Sort("holder"), docs[1].ID, docs[3].ID)
	wantCount(t, db, store.Query{}.Sort("holder"), 2)
	docs[3].Holder = nil
	if err := things.Replace(t.Context(), db, docs[3]); err != nil {
		t.Fatal(err)
	}
	wantList(t, db, store.Where(store.Eq("holder", holder)), docs[1].ID)
}
