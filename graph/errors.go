package graph

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/store"
)

// presenter gives errors the form in which clients see them.
type presenter struct {
	words *locale.Catalogue
	log   *slog.Logger
}

// present turns any error into a coded one. A fault keeps its code and gets its
// sentence; what is wrong with a document is INVALID; everything else is
// INTERNAL, goes to the log, and tells the client nothing but the request's id.
func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	var f *fault.Error
	var g *gqlerror.Error
	switch {
	case errors.As(err, &f):
		return p.fault(ctx, err, f)
	case errors.Is(err, store.ErrStale):
		return p.fault(ctx, err, fault.Conflict("changed"))
	case errors.Is(err, store.ErrCursor):
		return p.fault(ctx, err, fault.Invalid("after", "cursor"))
	case errors.Is(err, store.ErrOtherStep):
		return p.fault(ctx, err, fault.Invalid("idempotencyKey", "key_reused"))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return p.fault(ctx, err, fault.Unavailable("interrupted"))
	case errors.As(err, &g) && ofDocument(g):
		return p.document(ctx, g)
	}
	return p.internal(ctx, err)
}

func (p presenter) fault(ctx context.Context, err error, f *fault.Error) *gqlerror.Error {
	at := at(ctx, err)
	extensions := map[string]any{}
	for name, value := range f.Args {
		extensions[name] = value
	}
	extensions["code"], extensions["reason"] = f.Code, f.Key
	if field := fieldOf(f, at.Path); field != "" {
		extensions["field"] = field
	}
	return &gqlerror.Error{
		Message: p.words.Text(RequestOf(ctx).Locale, f.Key, f.Args),
		Path:    at.Path, Locations: at.Locations, Extensions: extensions,
	}
}

// at finds where in the document an error happened.
func at(ctx context.Context, err error) *gqlerror.Error {
	var g *gqlerror.Error
	if errors.As(err, &g) && (g.Path != nil || g.Locations != nil) {
		return g
	}
	return &gqlerror.Error{Path: graphql.GetPath(ctx)}
}

// fieldOf names the argument, or the field of a mutation's input, that is
// wrong: the fault does, or, where a scalar could not be read, the path does.
func fieldOf(f *fault.Error, path ast.Path) string {
	if f.Field != "" || f.Code != fault.CodeInvalid || len(path) < 2 {
		return f.Field
	}
	return names(path[1:])
}

// names joins the names of a path. The argument input is none: fields are named
// as if they were the mutation's own.
func names(path ast.Path) string {
	var parts []string
	for _, part := range path {
		if name, ok := part.(ast.PathName); ok && name != "input" {
			parts = append(parts, string(name))
		}
	}
	return strings.Join(parts, ".")
}

// ofDocument reports whether gqlgen or gqlparser found the document, or the
// values in it, wrong.
func ofDocument(g *gqlerror.Error) bool {
	code, _ := g.Extensions["code"].(string)
	return g.Rule != "" || code == errcode.ParseFailed || code == errcode.ValidationFailed || len(g.Locations) > 0 && g.Err == nil
}

// document keeps the words of gqlparser, which are for developers, in English,
// behind a sentence for people. They repeat what was sent, which may be long and
// need not be repeated in full.
func (p presenter) document(ctx context.Context, g *gqlerror.Error) *gqlerror.Error {
	const key = "invalid.document"
	extensions := map[string]any{"code": fault.CodeInvalid, "reason": key}
	if field := fieldOfVariable(clipped(g.Path)); field != "" {
		extensions["field"] = field
	}
	words := p.words.Text(RequestOf(ctx).Locale, key, fault.Args{"detail": clip(g.Message, maxDetail)})
	return &gqlerror.Error{Message: words, Path: clipped(g.Path), Locations: g.Locations, Extensions: extensions}
}

const (
	maxDetail = 300 // bytes of what gqlparser says
	maxName   = 100 // bytes of each name in a path that a client made up
)

// clip shortens a text to so many bytes and an ellipsis, at a character's end.
func clip(text string, end int) string {
	if len(text) <= end {
		return text
	}
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// clipped is a path with its long names shortened.
func clipped(path ast.Path) ast.Path {
	short := slices.Clone(path)
	for i, part := range short {
		if name, ok := part.(ast.PathName); ok {
			short[i] = ast.PathName(clip(string(name), maxName))
		}
	}
	return short
}

// fieldOfVariable names what is wrong in a variable: the field in it, or the
// variable itself if it is no object. Such a path is the word "variable", the
// variable's name, and the way down from there.
func fieldOfVariable(path ast.Path) string {
	if len(path) < 2 || path[0] != ast.PathName("variable") {
		return ""
	}
	if len(path) > 2 {
		return names(path[2:])
	}
	return names(path[1:])
}

func (p presenter) internal(ctx context.Context, err error) *gqlerror.Error {
	r := RequestOf(ctx)
	at := at(ctx, err)
	p.log.Error("internal error", "request", r.ID, "path", at.Path.String(), "error", err)
	return &gqlerror.Error{
		Message: p.words.Text(r.Locale, "internal", nil), Path: at.Path, Locations: at.Locations,
		Extensions: map[string]any{"code": fault.CodeInternal, "requestId": r.ID},
	}
}

// recover turns a panic into an error of which the presenter tells nothing.
func (p presenter) recover(ctx context.Context, thrown any) error {
	p.log.Error("panic", "request", RequestOf(ctx).ID, "panic", thrown, "stack", string(debug.Stack()))
	return errPanic
}

var errPanic = errors.New("panic, which is logged above")
