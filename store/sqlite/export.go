package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"go.mongodb.org/mongo-driver/v2/bson"
	"zombiezen.com/go/sqlite"
)

// Export writes all collections, as they are at one moment, into
// dir/database/ in the format of mongodump, so that the stock
//
//	mongorestore DIR
//
// loads them into a MongoDB database of that name. The documents are the bytes
// that are stored. Indexes are not in it but for that of the id: the server
// creates its own when it starts. Writers go on meanwhile.
//
// It works before Prepare, too, and exports every collection there is. The
// directory dir/database must not exist, so that nothing old is restored with
// it; after an error it is incomplete and should be deleted.
func (e *Engine) Export(ctx context.Context, dir, database string) error {
	err := e.readers.interruptibly(ctx, func(conn *sqlite.Conn) error {
		target := filepath.Join(dir, database)
		if err := makeTarget(target); err != nil {
			return err
		}
		return snapshot(conn, func() error { return exportCollections(conn, target) })
	})
	if err != nil {
		return fmt.Errorf("sqlite: exporting: %w", err)
	}
	return nil
}

func makeTarget(target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	return os.Mkdir(target, 0o700)
}

// snapshot runs read so that all its statements see the same moment.
func snapshot(conn *sqlite.Conn, read func() error) (err error) {
	if err := exec(conn, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		conn.SetInterrupt(nil) // or the transaction would outlive a cancelled read
		err = errors.Join(err, exec(conn, "ROLLBACK"))
	}()
	return read()
}

// tables are those of collections.
const tables = `SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`

func exportCollections(conn *sqlite.Conn, target string) error {
	names, err := texts(conn, tables)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := exportCollection(conn, target, name); err != nil {
			return fmt.Errorf("collection %s: %w", name, err)
		}
	}
	return nil
}

func exportCollection(conn *sqlite.Conn, target, name string) error {
	base := filepath.Join(target, url.PathEscape(name))
	if err := exportDocuments(conn, base+".bson", name); err != nil {
		return err
	}
	metadata, err := json.Marshal(map[string]any{
		"options":        bson.M{},
		"indexes":        []any{map[string]any{"v": 2, "key": map[string]int{"_id": 1}, "name": "_id_"}},
		"collectionName": name,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(base+".metadata.json", metadata, 0o600)
}

// exportDocuments writes the documents one after another, which is what a
// .bson file is, and waits until the disk has them.
func exportDocuments(conn *sqlite.Conn, path, name string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffered := bufio.NewWriterSize(file, 1<<20)
	query := fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", quote(docColumn), quote(name), quote(idColumn))
	err = rows(conn, query, nil, func(stmt *sqlite.Stmt) error {
		_, err := buffered.Write(blob(stmt, 0))
		return err
	})
	return errors.Join(err, buffered.Flush(), file.Sync())
}
