package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcome is what a command left behind.
type outcome struct {
	code        int
	out, errOut string
}

// invoke runs a command in this process.
func invoke(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	var out, errOut transcript
	code := program{environ: environ, out: &out, errOut: &errOut}.run(t.Context(), args)
	return outcome{code: code, out: out.String(), errOut: errOut.String()}
}

// background runs the server in this process until the function that it
// returns is called, and that waits for the end.
func background(t *testing.T, environ []string) (log *transcript, stop func() int) {
	t.Helper()
	log = new(transcript)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- program{environ: environ, out: log, errOut: log}.run(ctx, nil) }()
	stop = sync.OnceValue(func() int {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { stop() })
	return log, stop
}

// transcript keeps what is written to it, for those who wait for a line. It
// may be used from any goroutine.
type transcript struct {
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{} // closed at the next write; nil if nobody waits
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written != nil {
		close(w.written)
		w.written = nil
	}
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// look returns the text and a channel that is closed when there is more.
func (w *transcript) look() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written == nil {
		w.written = make(chan struct{})
	}
	return w.text.String(), w.written
}

// patience is how long tests wait for what must come.
const patience = 30 * time.Second

// await waits until the pattern is in the text and returns its first group.
func (w *transcript) await(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		text, more := w.look()
		if found := re.FindStringSubmatch(text); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%q did not come; there is:\n%s", pattern, text)
		}
	}
}

// serving is the log line that has the address, as text or as JSON.
const serving = `"msg":"serving","url":"(http://[^"]+)/graphql"`

// write makes a file and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// contains reports the wanted texts that are not there.
func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q; it is:\n%s", what, w, text)
		}
	}
}

// lacks reports the texts that must not be there.
func lacks(t *testing.T, what, text string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(text, u) {
			t.Errorf("%s has %q; it is:\n%s", what, u, text)
		}
	}
}
