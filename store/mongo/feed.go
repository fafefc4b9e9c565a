package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/musterhq/muster/store"
)

// errGone reports that a collection, or the whole database, was dropped or
// renamed: no change says what became of its documents.
var errGone = errors.New("mongo: a collection was dropped or renamed")

// errUnreadable reports a change that is not one: to go on behind it would be
// to keep silent about it.
var errUnreadable = errors.New("mongo: a change that cannot be read")

// codesResumable are the codes of the server after which the stream's place is
// still good: those with which the driver resumes, because it is another
// member's turn or the network's fault (it has tried once when they come
// here), and CursorKilled and Interrupted, an operator's doing.
func codesResumable() []int {
	return []int{6, 7, 43, 63, 89, 91, 133, 150, 189, 234, 237, 262, 9001, 10107, 11600, 11601, 11602, 13388, 13435, 13436}
}

// follower publishes the database's change stream.
type follower struct {
	db      *driver.Database
	names   []string
	changes func([]store.Change)
	lost    func()
	log     *slog.Logger
}

// follow opens the change stream and starts the goroutine that follows it
// until Close.
func (e *Engine) follow(ctx context.Context, cs []*store.Spec, changes func([]store.Change), lost func()) error {
	f := &follower{db: e.db, changes: changes, lost: lost, log: e.log}
	for _, c := range cs {
		f.names = append(f.names, c.Name)
	}
	stream, err := f.open(ctx, nil)
	if err != nil {
		return fmt.Errorf("mongo: opening the change stream: %w", err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		stop()
		shut(stream)
		return store.ErrClosed
	}
	e.stop = stop
	e.running.Go(func() { f.run(ctx, stream) })
	return nil
}

// open opens the change stream behind a token, or from now on.
func (f *follower) open(ctx context.Context, after bson.Raw) (*driver.ChangeStream, error) {
	// Only updates made by hand need the look-up: insertions and replacements
	// carry the document.
	opts := options.ChangeStream().SetFullDocument(options.UpdateLookup)
	if after != nil {
		opts.SetStartAfter(after)
	}
	return f.db.Watch(ctx, watched(f.names), opts)
}

// watched is the pipeline that lets through the changes of the collections,
// and what makes a feed incomplete.
func watched(names []string) driver.Pipeline {
	return driver.Pipeline{{{Key: "$match", Value: bson.D{{Key: "$or", Value: bson.A{
		bson.D{
			{Key: "operationType", Value: bson.D{{Key: "$in", Value: bson.A{"insert", "replace", "update", "delete", "drop"}}}},
			{Key: "ns.coll", Value: bson.D{{Key: "$in", Value: names}}},
		},
		bson.D{{Key: "operationType", Value: bson.D{{Key: "$in", Value: bson.A{"rename", "dropDatabase", "invalidate"}}}}},
	}}}}}}
}

// run publishes until the context ends, through any number of streams.
func (f *follower) run(ctx context.Context, stream *driver.ChangeStream) {
	for stream != nil {
		err := f.publish(ctx, stream)
		token := stream.ResumeToken()
		shut(stream)
		stream = f.reopen(ctx, token, err)
	}
}

// reopen opens the stream again behind the token or, if the server cannot go
// on from there, from now on: then, and once no later change can be missed, it
// tells that some were lost. It tries until the context ends.
func (f *follower) reopen(ctx context.Context, token bson.Raw, cause error) *driver.ChangeStream {
	var pauses backoff
	missed := !resumable(cause) || token == nil
	for pauses.wait(ctx) {
		f.log.Warn("the change stream broke", "error", cause, "changesLost", missed)
		if missed {
			token = nil
		}
		stream, err := f.open(ctx, token)
		if err == nil {
			if missed {
				f.lost()
			}
			return stream
		}
		cause, missed = err, missed || !resumable(err)
	}
	return nil
}

// publish hands on what the stream brings, a batch at a time, until it fails.
func (f *follower) publish(ctx context.Context, stream *driver.ChangeStream) error {
	for stream.Next(ctx) {
		batch, err := collect(ctx, stream)
		if len(batch) > 0 {
			f.changes(batch)
		}
		if err != nil {
			return err
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	return errGone // the server closed the cursor
}

// collect returns the changes that have arrived with the stream's current one.
func collect(ctx context.Context, stream *driver.ChangeStream) ([]store.Change, error) {
	var batch []store.Change
	for {
		change, ok, err := changeOf(stream.Current)
		if err != nil {
			return batch, err
		}
		if ok {
			batch = append(batch, change)
		}
		if stream.RemainingBatchLength() == 0 || !stream.Next(ctx) {
			return batch, nil
		}
	}
}

// streamed is what the server says of one change.
type streamed struct {
	Op string `bson:"operationType"`
	NS struct {
		Collection string `bson:"coll"`
	} `bson:"ns"`
	Key struct {
		ID string `bson:"_id"`
	} `bson:"documentKey"`
	Doc bson.RawValue `bson:"fullDocument"`
}

// changeOf returns the change of an event. It is not ok if there is nothing to
// tell: an update whose document has been deleted meanwhile, of which another
// event will. The error is errGone when documents vanished without a change.
func changeOf(raw bson.Raw) (change store.Change, ok bool, err error) {
	var e streamed
	if err := bson.Unmarshal(raw, &e); err != nil {
		return change, false, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	change = store.Change{Collection: e.NS.Collection, ID: e.Key.ID}
	switch e.Op {
	case "insert":
		change.Op = store.Inserted
	case "replace", "update":
		change.Op = store.Replaced
	case "delete":
		change.Op = store.Deleted
		return change, true, nil
	default:
		return change, false, errGone
	}
	doc, ok := e.Doc.DocumentOK()
	change.Doc = slices.Clone(doc)
	return change, ok, nil
}

// resumable reports whether a stream can go on from its last token after the
// error: not after one of the server's that is about the stream itself, such
// as ChangeStreamHistoryLost.
func resumable(err error) bool {
	var se driver.ServerError
	switch {
	case errors.Is(err, errGone), errors.Is(err, errUnreadable):
		return false
	case !errors.As(err, &se), driver.IsTimeout(err), labelled(err, labelNetwork, labelResumable):
		return true
	default:
		return hasCode(err, codesResumable()...)
	}
}

// shut closes a stream, and its cursor on the server if that can be reached.
func shut(stream *driver.ChangeStream) {
	ctx, cancel := context.WithTimeout(context.Background(), endPatience)
	defer cancel()
	_ = stream.Close(ctx)
}
