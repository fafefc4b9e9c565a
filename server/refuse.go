package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph"
	"github.com/musterhq/muster/graph/transport"
	"github.com/musterhq/muster/sheet"
)

// refuse answers a request outside of GraphQL with an error in the form of
// GraphQL's. The request is one that identify has seen.
func (a *app) refuse(w http.ResponseWriter, r *http.Request, err error) { a.refuseAs(w, r, 0, err) }

// refuseAs is refuse with a status of HTTP; 0 for the one that fits the error.
func (a *app) refuseAs(w http.ResponseWriter, r *http.Request, status int, err error) {
	shown := graph.Present(r.Context(), a.catalogue, a.log, err)
	status = cmp.Or(status, statusOf(err, graph.CodeOf(shown)))
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, status, map[string]gqlerror.List{"errors": {shown}})
}

// statusOf is the HTTP status of a fault.
func statusOf(err error, code fault.Code) int {
	if errors.Is(err, sheet.Usual.ErrTooBig()) {
		return http.StatusRequestEntityTooLarge
	}
	return transport.StatusOf(code)
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who does not listen any more misses nothing
}
