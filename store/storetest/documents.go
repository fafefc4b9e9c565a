package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/musterhq/muster/store"
)

func testDocuments(t *testing.T, open Opener) {
	each(t, open, []test{
		{"insert keeps every field", testInsertKeeps},
		{"insert without an id fails", testInsertWithoutID},
		{"get of nothing is not found", testGetNothing},
		{"get many returns those that exist", testGetMany},
		{"replace raises the revision", testReplace},
		{"replace of an old revision is stale", testReplaceStale},
		{"replace of nothing is not found", testReplaceNothing},
		{"change begins again after a lost race", testChangeAgain},
		{"change gives back the function's error", testChangeFails},
		{"delete removes the revision it names", testDelete},
		{"an id can be used again after delete", testInsertAfterDelete},
	})
}

func testInsertKeeps(t *testing.T, db *store.DB) {
	holder := "acc_1"
	full := newThing(1)
	full.Name, full.Code, full.Holder = "深圳市罗湖区 \x00 '\"$.", "C-1", &holder
	full.Notes = []string{"一", "two"}
	full.Weight = -0.1
	full.DueAt, full.Claims = epoch, 2
	insert(t, db, full, newThing(2))
	if full.Rev != 1 {
		t.Errorf("revision after insert: got %d, want 1", full.Rev)
	}
	wantStored(t, db, full)
	two := newThing(2)
	two.Rev = 1
	wantStored(t, db, two)
}

func testInsertWithoutID(t *testing.T, db *store.DB) {
	if err := things.Insert(t.Context(), db, &thing{}); err == nil {
		t.Error("inserted a document without an id")
	}
	wantCount(t, db, store.Query{}, 0)
}

func testGetNothing(t *testing.T, db *store.DB) {
	insert(t, db, newThing(1))
	wantAbsent(t, db, "thg_9999")
	wantAbsent(t, db, "THG_0001")
	wantAbsent(t, db, "")
}

func testGetMany(t *testing.T, db *store.DB) {
	insertSome(t, db, 300)
	asked := []string{"thg_9999"}
	for i := range 280 {
		asked = append(asked, newThing(i).ID)
	}
	got, err := things.GetMany(t.Context(), db, append(asked, asked[1]))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 280 {
		t.Errorf("got %d documents, want 280", len(got))
	}
	for _, id := range asked[1:] {
		if got[id] == nil || got[id].ID != id {
			t.Fatalf("%s: got %v", id, got[id])
		}
	}
	if none, err := things.GetMany(t.Context(), db, nil); err != nil || len(none) != 0 {
		t.Errorf("no ids: got %v, %v", none, err)
	}
}

func testReplace(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 2)[0]
	doc.Name, doc.Code = "changed", "C-1"
	if err := things.Replace(t.Context(), db, doc); err != nil {
		t.Fatal(err)
	}
	if doc.Rev != 2 {
		t.Errorf("revision after replace: got %d, want 2", doc.Rev)
	}
	wantStored(t, db, doc)
	other := newThing(1)
	other.Rev = 1
	wantStored(t, db, other)
	wantList(t, db, store.Where(store.Eq("name", "changed")), doc.ID)
	wantList(t, db, store.Where(store.Eq("name", "name 0000")))
}

func testReplaceStale(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	old := *doc
	doc.Name = "first"
	if err := things.Replace(t.Context(), db, doc); err != nil {
		t.Fatal(err)
	}
	old.Name = "second"
	wantError(t, "replace", things.Replace(t.Context(), db, &old), store.ErrStale)
	if old.Rev != 1 {
		t.Errorf("revision after a failed replace: got %d, want 1", old.Rev)
	}
	wantError(t, "delete", things.Delete(t.Context(), db, &old), store.ErrStale)
	wantStored(t, db, doc)
}

func testReplaceNothing(t *testing.T, db *store.DB) {
	doc := newThing(1)
	doc.Rev = 1
	wantError(t, "replace", things.Replace(t.Context(), db, doc), store.ErrNotFound)
	wantError(t, "delete", things.Delete(t.Context(), db, doc), store.ErrNotFound)
	_, err := things.Change(t.Context(), db, doc.ID, func(*thing) error { return nil })
	wantError(t, "change", err, store.ErrNotFound)
	wantAbsent(t, db, doc.ID)
}

func testChangeAgain(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	calls := 0
	got, err := things.Change(t.Context(), db, doc.ID, func(d *thing) error {
		if calls++; calls == 1 {
			doc.Size = 100
			if err := things.Replace(t.Context(), db, doc); err != nil {
				return err
			}
		}
		d.Size++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls != 2 || got.Size != 101 || got.Rev != 3 {
		t.Errorf("got %d calls, size %d, revision %d, want 2, 101, 3", calls, got.Size, got.Rev)
	}
	wantStored(t, db, got)
}

func testChangeFails(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	_, err := things.Change(t.Context(), db, doc.ID, func(d *thing) error {
		d.Name = "changed"
		return errRefused
	})
	wantError(t, "change", err, errRefused)
	wantStored(t, db, doc)
}

func testDelete(t *testing.T, db *store.DB) {
	docs := insertSome(t, db, 3)
	if err := things.Delete(t.Context(), db, docs[1]); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, db, docs[1].ID)
	wantList(t, db, store.Query{}, docs[0].ID, docs[2].ID)
	wantList(t, db, store.Where(store.Eq("name", docs[1].Name)))
	wantError(t, "delete again", things.Delete(t.Context(), db, docs[1]), store.ErrNotFound)
}

func testInsertAfterDelete(t *testing.T, db *store.DB) {
	doc := insertSome(t, db, 1)[0]
	if err := things.Delete(t.Context(), db, doc); err != nil {
		t.Fatal(err)
	}
	again := newThing(0)
	again.Name = "again"
	insert(t, db, again)
	if diff := cmp.Diff(int64(1), again.Rev); diff != "" {
		t.Errorf("revision (-want +got):\n%s", diff)
	}
	wantStored(t, db, again)
}
