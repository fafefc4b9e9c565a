package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/sheet"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/training"
)

// importPath is where spreadsheets are uploaded.
const importPath = "/imports/roster"

const (
	// maxUploads is how many files are read at a time: each may need some
	// hundred megabytes of memory.
	maxUploads = 2
	// uploadTime is how long a file may take to arrive: 20 MB at 1.5 Mbit/s.
	uploadTime = 2 * time.Minute
	// usualCourse is what the certificates of a roster are for, if the upload
	// names no other course.
	usualCourse = training.FirstResponderID
)

// uploads takes in spreadsheets.
type uploads struct {
	*app
	slots *semaphore.Weighted
}

func (a *app) uploads() http.Handler {
	return &uploads{app: a, slots: semaphore.NewWeighted(maxUploads)}
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Allow", "OPTIONS, POST")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "OPTIONS, POST")
		u.refuseAs(w, r, http.StatusMethodNotAllowed, fault.Invalid("method", "upload_not_post"))
		return
	}
	id, err := u.take(w, r)
	if err != nil {
		u.refuse(w, r, err)
		return
	}
	w.Header().Set("Location", graphqlPath)
	writeJSON(w, http.StatusAccepted, map[string]string{"id": id})
}

// take reads the file and starts the import.
func (u *uploads) take(w http.ResponseWriter, r *http.Request) (id string, err error) {
	request, err := graph.SignedIn(r.Context())
	if err != nil {
		return "", err
	}
	query := r.URL.Query()
	unit := query.Get("orgUnitId")
	if unit == "" {
		return "", fault.Invalid("orgUnitId", "required")
	}
	if _, err := u.imports.Admit(r.Context(), request.Actor, unit); err != nil {
		return "", err // before the file, which may be large
	}
	if !u.slots.TryAcquire(1) {
		return "", fault.Unavailable("uploads")
	}
	defer u.slots.Release(1)
	n := roster.NewImport{UnitID: unit, CourseID: cmp.Or(query.Get("courseId"), usualCourse)}
	return u.start(w, r, request.Actor, n)
}

// start keeps the file on disk for as long as it is read, so that it takes no
// memory while it arrives.
func (u *uploads) start(w http.ResponseWriter, r *http.Request, actor auth.Principal, n roster.NewImport) (id string, err error) {
	file, err := os.CreateTemp("", "muster-upload-*")
	if err != nil {
		return "", fmt.Errorf("keeping an upload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	size, err := receive(w, r, file)
	if err != nil {
		return "", err
	}
	if n.File, err = sheet.Open(file, size, sheet.Usual); err != nil {
		return "", err
	}
	imp, err := u.imports.Start(r.Context(), actor, n)
	if err != nil {
		return "", err
	}
	return imp.ID, nil
}

// receive writes the body to the file, up to the limit.
func receive(w http.ResponseWriter, r *http.Request, file io.Writer) (int64, error) {
	if r.ContentLength > sheet.Usual.Bytes {
		return 0, sheet.Usual.ErrTooBig()
	}
	// Not every writer can do that; then the server's own time holds.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime))
	size, err := io.Copy(file, http.MaxBytesReader(w, r.Body, sheet.Usual.Bytes))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return 0, sheet.Usual.ErrTooBig()
	case err != nil:
		return 0, fault.Unavailable("interrupted")
	}
	return size, nil
}

// certify issues the certificates that an import has.
func (a *app) certify(ctx context.Context, tx *store.Tx, c roster.Certification) error {
	_, err := a.training.Issue(ctx, tx, training.NewCertificate(c))
	return err
}
