package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/musterhq/muster/store/sqlite"
)

// export writes the embedded store for MongoDB.
func (p program) export(ctx context.Context, args []string) int {
	flags := newFlags("export")
	if code, ok := p.parse(flags, args, "DIR"); !ok {
		return code
	}
	c, _, ok := p.configure()
	if !ok {
		return exitUsage
	}
	if c.mongoURI.reveal() != "" {
		return p.misused("export: is for the embedded store; for MongoDB there is mongodump")
	}
	n, err := export(ctx, c.dataDir, flags.Arg(0))
	if err != nil {
		return p.failed(err)
	}
	p.say("Exported %d collections to %s.", n, filepath.Join(flags.Arg(0), defaultDatabase))
	p.say("\nLoad them into an empty MongoDB replica set:\n\n  mongorestore --uri 'mongodb://HOST:27017/?replicaSet=rs0' %s", shellQuote(flags.Arg(0)))
	p.say("\nThen serve from there, with the same keys, so that everybody stays signed in:\n\n"+
		"  MUSTER_MONGODB_URI='mongodb://HOST:27017/%s?replicaSet=rs0' %s=%s server", defaultDatabase, envKeyFile, shellQuote(c.keyFile))
	return exitClean
}

// storeFile is what package sqlite keeps in a directory that is a store.
const storeFile = "muster.db"

// export returns how many collections it wrote. It does not open a directory
// that is no store, since that would make it one.
func export(ctx context.Context, dataDir, dir string) (n int, err error) {
	if _, err := os.Stat(filepath.Join(dataDir, storeFile)); err != nil {
		return 0, fmt.Errorf("there is no store in %s (%s says where it is)", dataDir, envDataDir)
	}
	engine, err := sqlite.Open(dataDir)
	if err != nil {
		return 0, fmt.Errorf("opening the store: %w", err)
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	if err := engine.Export(ctx, dir, defaultDatabase); err != nil {
		return 0, err
	}
	files, err := os.ReadDir(filepath.Join(dir, defaultDatabase))
	if err != nil {
		return 0, fmt.Errorf("looking at the export: %w", err)
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".bson" {
			n++
		}
	}
	return n, nil
}

// shellQuote makes one word of the text, for a POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
