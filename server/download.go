package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/graph"
	"github.com/musterhq/muster/store"
)

// download is a file on its way out. Its writer is called once, and fails
// without having written anything if it can.
type download struct {
	name, contentType string
	write             func(io.Writer) error
}

// opener opens the file that the args of a ticket describe, for the actor.
type opener func(ctx context.Context, actor auth.Principal, args string) (download, error)

// downloads are the files that tickets are issued for, by purpose.
func (a *app) downloads() map[string]opener {
	return map[string]opener{graph.DownloadRoster: a.openRoster, graph.DownloadPersonal: a.openPersonal}
}

const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

func (a *app) openRoster(ctx context.Context, actor auth.Principal, args string) (download, error) {
	var in graph.RosterDownload
	if err := json.Unmarshal([]byte(args), &in); err != nil {
		return download{}, err
	}
	say := func(key string) string { return a.catalogue.Text(in.Locale, key, nil) }
	write, err := a.roster.Export(ctx, actor, in.View, say)
	name := say("export.file") + "-" + store.Now().Format("2006-01-02") + ".xlsx"
	return download{name, xlsxType, write}, err
}

// fetch answers with the file that a ticket is for. The ticket is used up,
// whatever becomes of the file, except by HEAD, by which programs look at links
// before people follow them.
func (a *app) fetch(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // a pattern for GET matches HEAD, too
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	file, err := a.redeem(r.Context(), r.PathValue("ticket"))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	out := &counting{ResponseWriter: w}
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Content-Disposition", attachment(file.name))
	err = file.write(out)
	switch {
	case err == nil:
	case out.n == 0:
		w.Header().Del("Content-Disposition")
		a.refuse(w, r, err)
	default:
		a.log.WarnContext(r.Context(), "a download broke off", "request", graph.RequestOf(r.Context()).ID, "error", err)
		panic(http.ErrAbortHandler) // the server ends the connection, so that nobody takes a part for the whole
	}
}

func (a *app) redeem(ctx context.Context, secret string) (download, error) {
	actor, purpose, args, err := a.auth.RedeemTicket(ctx, secret)
	if err != nil {
		return download{}, err
	}
	open := a.downloads()[purpose]
	if open == nil {
		return download{}, fault.NotFound("ticket")
	}
	return open(ctx, actor, args)
}

// attachment is a Content-Disposition (RFC 6266) with a name in UTF-8 and, for
// those who do not read that, one in ASCII.
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\;%/`, r) {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + url.PathEscape(name)
}

// counting counts what was written.
type counting struct {
	http.ResponseWriter
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}
