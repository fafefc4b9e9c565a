package graph

import (
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// withoutHints are the validation rules, with those that would tell the names of
// the schema that are nearest to a wrong one replaced by their silent siblings.
// gqlgen's SetDisableSuggestion replaces two others, and leaves these.
func withoutHints() *rules.Rules {
	all := rules.NewDefaultRules()
	for _, pair := range [][2]core.Rule{
		{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
		{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
		{rules.ValuesOfCorrectTypeRule, rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
	} {
		all.RemoveRule(pair[0].Name)
		all.AddRule(pair[1].Name, pair[1].RuleFunc)
	}
	return all
}
