package notify

import "github.com/musterhq/muster/locale"

// Arg is the value of a placeholder of a text: one of its two fields.
type Arg struct {
	// Key names another text, which is said in the device's language.
	Key string `bson:"key,omitempty"`
	// Text is said as it is. Only bodies say it: titles are made of the
	// catalogues' words alone, so that nothing that somebody typed can make a
	// title look like a drill's, or a drill's like the real thing's.
	Text string `bson:"text,omitempty"`
}

// Named is an argument that is another text of the catalogues.
func Named(key string) Arg { return Arg{Key: key} }

// Words is an argument that is said as it is, in bodies.
func Words(text string) Arg { return Arg{Text: text} }

// text returns the words of the message in a language. A drill's say so before
// anything else.
func (s *Service) text(tag locale.Tag, m *Message) (title, body string) {
	named, all := map[string]any{}, map[string]any{}
	for name, arg := range m.Args {
		if arg.Key != "" {
			named[name] = s.Catalogue.Text(tag, arg.Key, nil)
			all[name] = named[name]
		} else {
			all[name] = arg.Text
		}
	}
	title = s.Catalogue.Text(tag, "title."+m.Key, named)
	body = s.Catalogue.Text(tag, "body."+m.Key, all)
	if m.Drill {
		title = s.Catalogue.Text(tag, "drill_title", map[string]any{"title": title})
		body = s.Catalogue.Text(tag, "drill_body", map[string]any{"body": body})
	}
	return title, body
}
