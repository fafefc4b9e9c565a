package notify

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/musterhq/muster/locale"
)

// The keys of an alert's data.
const (
	dataAlertID  = "alertId"
	dataType     = "incidentType"
	dataDistance = "distanceBand"
	dataDrill    = "drill"
)

// The arguments of an alert's text, and the texts that they name.
const (
	argType      = "type"
	argBand      = "band"
	incidentType = "incident_type."
	distanceBand = "distance_band."
)

// AlertData is what an alert tells the app: all that may be known before it is
// accepted.
func AlertData(alertID, typ string, band DistanceBand) map[string]string {
	return map[string]string{dataAlertID: alertID, dataType: typ, dataDistance: string(band)}
}

// AlertArgs is what an alert's text can say.
func AlertArgs(typ string, band DistanceBand) map[string]Arg {
	return map[string]Arg{argType: Named(incidentType + typ), argBand: Named(distanceBand + string(band))}
}

// check tells whether the notice may be sent.
func (s *Service) check(n Notice) error {
	switch {
	case n.AccountID == "" || n.Subject == "":
		return errors.New("a notice needs an account and a subject")
	case n.Lifetime <= 0 || n.Lifetime > MaxLifetime:
		return fmt.Errorf("a lifetime of %s", n.Lifetime)
	case !s.has("title."+n.Key) || !s.has("body."+n.Key):
		return errors.New("no such text")
	case n.Data[dataDrill] != "" && n.Data[dataDrill] != fmt.Sprint(n.Drill):
		return errors.New("the data and the notice disagree on whether it is a drill")
	}
	switch n.Class {
	case ClassAlert, ClassAlertUpdate:
		return errors.Join(s.checkData(n.Data), s.checkArgs(n.Args))
	case ClassNotice:
		return nil
	}
	return fmt.Errorf("no such class: %q", n.Class)
}

// plainID is an id: nothing that could be an address, a name or a number to
// call with spaces or other letters.
var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// checkData holds an alert's data to a push's promise: alert id, type,
// distance band and drill mark, values included, so that nothing else slips in
// under their names.
func (s *Service) checkData(data map[string]string) error {
	for key, value := range data {
		var ok bool
		switch key {
		case dataAlertID:
			ok = plainID.MatchString(value)
		case dataType:
			ok = s.has(incidentType + value)
		case dataDistance:
			ok = s.has(distanceBand + value)
		case dataDrill:
			ok = value == "true" || value == "false"
		}
		if !ok { // without the value, which errors carry to the log
			return fmt.Errorf("an alert may not carry this %q in its data", key)
		}
	}
	return nil
}

// checkArgs holds an alert's text to the same promise: it is made of texts of
// the catalogues only.
func (s *Service) checkArgs(args map[string]Arg) error {
	for name, arg := range args {
		prefix := map[string]string{argType: incidentType, argBand: distanceBand}[name]
		if prefix == "" || arg.Text != "" || !strings.HasPrefix(arg.Key, prefix) || !s.has(arg.Key) {
			return fmt.Errorf("an alert's text may not say this %q", name)
		}
	}
	return nil
}

// has reports whether the catalogues have the text. That they have the same
// texts in all languages is tested in package locale.
func (s *Service) has(key string) bool {
	return s.Catalogue.Text(locale.Default, key, nil) != key
}
