package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"
)

// done records that a keyed step was taken, and what it made.
type done struct {
	Meta        `bson:",inline"`
	Due         `bson:",inline"` // when the record goes
	Fingerprint string           `bson:"fingerprint"` // its hash: inputs have what people wrote
	Result      string           `bson:"result"`
}

// Steps is the collection in which Once remembers.
var Steps = Define[done]("steps", DueIndex)

// keepSteps is how long a repetition is recognised.
const keepSteps = 24 * time.Hour

// ErrOtherStep reports a key that was used for a different step.
var ErrOtherStep = errors.New("store: the key was used for something else")

// Step names a step that is to be taken once, however often it is asked for.
type Step struct {
	// Actor and Action are whose key it is, and for which operation.
	Actor, Action string
	// Key is what the client calls the step; "" means that it does not care,
	// and that each asking is a step of its own.
	Key string
	// Fingerprint tells this step's input from others'.
	Fingerprint string
}

// Once takes the step within tx, unless it was taken before: then it returns
// the result of that time and repeated is true. take returns the id of what
// it made or changed. Once fails with ErrOtherStep if the key was used with
// another fingerprint, or with take's error, which leaves no record.
func Once(ctx context.Context, tx *Tx, now time.Time, s Step, take func() (string, error)) (result string, repeated bool, err error) {
	if s.Key == "" {
		result, err = take()
		return result, false, err
	}
	id := s.id()
	before, err := Steps.Get(ctx, tx, id)
	if err == nil {
		if before.Fingerprint != s.fingerprint() {
			return "", false, ErrOtherStep
		}
		return before.Result, true, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return "", false, err
	}
	if result, err = take(); err != nil {
		return "", false, err
	}
	record := &done{Meta: Meta{ID: id}, Fingerprint: s.fingerprint(), Result: result}
	record.SetDue(now.Add(keepSteps))
	return result, false, Steps.Insert(ctx, tx, record)
}

// ForgetSteps returns the worker that deletes the records of old steps.
func ForgetSteps(db *DB, now func() time.Time, log *slog.Logger) *Worker[done] {
	return &Worker[done]{
		DB: db, Collection: Steps, Now: now, Log: log, Lease: time.Minute, Width: 16,
		Handle: func(ctx context.Context, d *done) error { return Steps.Delete(ctx, db, d) },
	}
}

// id is a hash, since keys are the client's and may be of any length.
func (s Step) id() string { return hashOf(s.Actor, s.Action, s.Key) }

func (s Step) fingerprint() string { return hashOf(s.Fingerprint) }

func hashOf(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}
