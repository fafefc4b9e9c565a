package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/auth/idtoken"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/locale"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/notify/fcm"
	"github.com/musterhq/muster/store"
	"github.com/musterhq/muster/store/mongo"
	"github.com/musterhq/muster/store/sqlite"
	"github.com/musterhq/muster/training"
)

// defaultDatabase is the MongoDB database where the URI names none, and the
// one that an export is restored to.
const defaultDatabase = "muster"

// open opens the store and makes the app.
func open(ctx context.Context, c config, log *slog.Logger) (*app, error) {
	channel, err := c.channel(ctx)
	if err != nil {
		return nil, err
	}
	sender, err := c.sender(log)
	if err != nil {
		return nil, err
	}
	idTokens, err := c.idTokens(ctx)
	if err != nil {
		return nil, err
	}
	engine, err := c.engine(ctx, log)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	// After the engine, which makes the directory that it may be in.
	keyring, err := auth.LoadKeyring(c.keyFile)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	a, err := newApp(ctx, parts{
		engine: engine, keyring: keyring, channel: channel, sender: sender, idTokens: idTokens,
		newCode: auth.RandomCode, limits: auth.DefaultLimits(), issuer: c.issuer, audience: c.audience, zone: c.zone, keep: c.keep, log: log,
		web: web{graphiql: c.graphiql, origins: c.origins, proxies: c.proxies, maxStreams: c.maxStreams},
	})
	if err != nil {
		return nil, err
	}
	if err := a.teach(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// teach makes sure of the course without which nobody can be called out.
func (a *app) teach(ctx context.Context) error {
	_, err := a.training.AddCourse(ctx, a.db, training.FirstResponder())
	if err != nil && !errors.Is(err, fault.Conflict("course_id")) {
		return fmt.Errorf("adding the programme's course: %w", err)
	}
	return nil
}

func (c config) engine(ctx context.Context, log *slog.Logger) (store.Engine, error) {
	uri := c.mongoURI.reveal()
	if uri == "" {
		return sqlite.Open(c.dataDir)
	}
	return mongo.Open(ctx, uri, databaseFor(uri), mongo.WithLogger(log))
}

// databaseFor returns the database to use where the URI names none in its
// path, and "" where it does.
func databaseFor(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "?")
	if _, path, _ := strings.Cut(rest, "/"); path != "" {
		return ""
	}
	return defaultDatabase
}

func (c config) channel(ctx context.Context) (notify.Channel, error) {
	if c.firebase.reveal() == "" {
		return notify.Disabled{}, nil
	}
	channel, err := fcm.New(ctx, fcm.Config{CredentialsJSON: []byte(c.firebase.reveal()), Endpoint: c.firebaseEndpoint})
	if err != nil {
		// The cause may quote from the key file.
		return nil, errors.New(envFirebase + ": the key file is not valid")
	}
	return channel, nil
}

// idTokens is nil where no Firebase project is configured.
func (c config) idTokens(ctx context.Context) (auth.IDTokens, error) {
	project := c.firebaseProject
	if key := c.firebase.reveal(); project == "" && key != "" {
		var account struct {
			Project string `json:"project_id"`
		}
		if err := json.Unmarshal([]byte(key), &account); err != nil {
			return nil, errors.New(envFirebase + ": the key file is not valid") // the cause may quote from it
		}
		project = account.Project
	}
	if project == "" {
		return nil, nil
	}
	verifier, err := idtoken.New(ctx, project)
	if err != nil {
		return nil, err
	}
	return verifier, nil
}

func (c config) sender(log *slog.Logger) (auth.CodeSender, error) {
	switch {
	case c.logCodes:
		return auth.LogSender{Log: log}, nil
	case c.gatewayURL.reveal() == "":
		return noSender{}, nil
	}
	texts, err := locale.New()
	if err != nil {
		return nil, err
	}
	return auth.NewHTTPSender(c.gatewayURL.reveal(), []byte(c.gatewaySecret.reveal()), texts, store.Now)
}

// noSender is where there is no way to send sign-in codes.
type noSender struct{}

// SendCode fails with UNAVAILABLE.
func (noSender) SendCode(context.Context, string, string, locale.Tag) error {
	return fault.Unavailable("sign_in_code")
}
