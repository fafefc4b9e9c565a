package graph

import (
	"log/slog"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/privacy"
	"github.com/musterhq/muster/roster"
	"github.com/musterhq/muster/training"
)

// Resolver is what the resolvers call. All of it is required.
type Resolver struct {
	Audit      *audit.Log
	Auth       *auth.Service
	Roster     *roster.Service
	Imports    *roster.Imports
	Training   *training.Service
	Notify     *notify.Service
	Dispatches *dispatch.Service
	Live       *dispatch.Live
	Privacy    *privacy.Service
	Catalogue  *locale.Catalogue
	Now        func() time.Time
	Log        *slog.Logger
}
