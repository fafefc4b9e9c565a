package privacy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/musterhq/muster/auth"
)

// Format names the form of a copy, which Version counts the incompatible
// changes of.
const (
	Format  = "muster.personal-data"
	Version = 1
)

// CopyOwn writes everything that is kept about the actor's account, as one JSON
// object:
//
//	{"format": …, "version": …, "accountId": …, "madeAt": …, "sections": {"account": [{…}], …}}
//
// It holds one document at a time in memory. It is no snapshot: what changes
// meanwhile may be in it or not. If it fails, what was written is not valid
// JSON, so that nobody takes it for everything.
func (s *Service) CopyOwn(ctx context.Context, actor auth.Principal, w io.Writer) error {
	c := &copying{out: bufio.NewWriter(w)}
	c.head(actor.AccountID, s.Now())
	for _, p := range s.Parts {
		if err := p.Copy(ctx, actor.AccountID, c.write); err != nil {
			return fmt.Errorf("copying %s: %w", p.Name, errors.Join(err, c.out.Flush()))
		}
	}
	if err := c.end(); err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return nil
}

// copying is a copy under way. bufio keeps the first error of the writer, and
// gives it to end.
type copying struct {
	out      *bufio.Writer
	sections []string // the last is open
}

func (c *copying) head(accountID string, now time.Time) {
	fmt.Fprintf(c.out, "{\"format\": %q, \"version\": %d, \"accountId\": %q, \"madeAt\": %q, \"sections\": {",
		Format, Version, accountID, now.Format(time.RFC3339Nano))
}

func (c *copying) write(section string, doc any) error {
	line, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", section, err)
	}
	if err := c.open(section); err != nil {
		return err
	}
	_, err = c.out.Write(line)
	return err
}

// open begins the section, or another document of the one that is open.
func (c *copying) open(section string) error {
	n := len(c.sections)
	if n > 0 && c.sections[n-1] == section {
		_, err := c.out.WriteString(",\n")
		return err
	}
	if slices.Contains(c.sections, section) {
		return fmt.Errorf("section %s comes twice", section)
	}
	c.sections = append(c.sections, section)
	separator := "\n"
	if n > 0 {
		separator = "\n],\n"
	}
	_, err := fmt.Fprintf(c.out, "%s%q: [\n", separator, section)
	return err
}

func (c *copying) end() error {
	closing := "}}\n"
	if len(c.sections) > 0 {
		closing = "\n]\n}}\n"
	}
	_, err := c.out.WriteString(closing)
	return errors.Join(err, c.out.Flush())
}
