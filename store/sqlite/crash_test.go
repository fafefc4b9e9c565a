package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/sqlite"
)

// sheet is a document of the crash test; both halves of a pair are written in
// one atomic step.
type sheet struct {
	store.Meta `bson:",inline"`
	Partner    string `bson:"partner"`
	Text       string `bson:"text"`
}

var sheets = store.Define[sheet]("sheets", store.Index{Name: "partner", Fields: []string{"partner"}, Unique: true})

// crashes is how often the writing process is killed.
const crashes = 20

// TestKill kills a process that writes as fast as it can, again and again, and
// looks for all that it had been told was done.
//
// The kernel survives, so this shows that nothing is acknowledged before it is
// written and that what is half done goes away, and not that the disk has it:
// for that the engine relies on SQLite's synchronous=FULL.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range crashes {
		ids := writeAndKill(t, dir)
		if len(ids) == 0 {
			t.Fatalf("round %d: nothing was acknowledged", round)
		}
		for _, id := range ids {
			acknowledged[id] = true
		}
		checkSheets(t, dir, acknowledged)
	}
	t.Logf("%d writes acknowledged in %d lives", len(acknowledged), crashes)
}

// writeAndKill lets a process write, kills it at some instant, and returns the
// ids that it had printed.
func writeAndKill(t *testing.T, dir string) []string {
	t.Helper()
	cmd, output := startChild(t, "write", dir)
	lines := bufio.NewReader(output)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the child wrote nothing: %v", err)
	}
	kill := time.AfterFunc(time.Duration(rand.IntN(150_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
	text := first + string(rest)
	return strings.Fields(text[:strings.LastIndexByte(text, '\n')]) // the last line may be cut
}

func startChild(t *testing.T, role, dir string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], dir)
	cmd.Env = append(os.Environ(), childRole+"="+role)
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, output
}

// checkSheets opens what the killed process left.
func checkSheets(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	engine, err := sqlite.Open(dir)
	if err != nil {
		t.Fatalf("opening after the crash: %v", err)
	}
	db, err := store.Open(t.Context(), engine, sheets)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := engine.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored := map[string]*sheet{}
	for s, err := range sheets.All(t.Context(), db, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		stored[s.ID] = s
	}
	for id := range acknowledged {
		if stored[id] == nil {
			t.Fatalf("%s was acknowledged and is lost", id)
		}
	}
	for id, s := range stored {
		if stored[s.Partner] == nil {
			t.Fatalf("%s is there without %s", id, s.Partner)
		}
	}
}

// writeForever is the child: it prints the id of each document that has been
// acknowledged, until it is killed.
func writeForever(dir string) {
	ctx := context.Background()
	engine, err := sqlite.Open(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	db, err := store.Open(ctx, engine, sheets)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if err := writeSheets(ctx, db); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
}

// writeSheets writes a pair, a single and a change, each its own commit.
func writeSheets(ctx context.Context, db *store.DB) error {
	left, right := newSheet(), newSheet()
	left.Partner, right.Partner = right.ID, left.ID
	err := db.Atomically(ctx, func(tx *store.Tx) error {
		return errors.Join(sheets.Insert(ctx, tx, left), sheets.Insert(ctx, tx, right))
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", left.ID, right.ID)
	single := newSheet()
	single.Partner = single.ID
	if err := sheets.Insert(ctx, db, single); err != nil {
		return err
	}
	fmt.Printf("%s\n", single.ID)
	left.Text = "changed"
	return sheets.Replace(ctx, db, left)
}

func newSheet() *sheet {
	return &sheet{Meta: store.Meta{ID: store.NewIDs()("sht")}, Text: strings.Repeat("应急 ", 50)}
}
