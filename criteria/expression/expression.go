// Package expression compiles a policy's own criteria: one yes-or-no question
// over the facts, written in CEL (https://github.com/google/cel-spec).
//
// An expression sees four variables and nothing else:
//
//	release   name, version, resource, repository, source, previous, artifacts
//	subject   name and digest of what the question is about
//	evidence  a list: name, format, digest, about, time, … and the facts, each
//	          under its own name (evidence[0].tests.failed)
//	now       the time of the decision
//
// Field names are those of the facts' JSON form, digests are text
// ("sha256:…"). Misspelled names, values of the wrong type and facts that the
// criterion does not declare to need are faults of the policy, found before
// anything is judged.
//
// What a report does not say is absent, not zero: reading it is an error, and
// an error is never a pass. Ask first with has(): evidence.all(e,
// !has(e.tests) || e.tests.failed == 0). As everywhere in CEL, || and && need
// only the side that decides.
package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// Limits on one expression's text; [maxSteps] is the limit on what it does.
const (
	maxSize   = 16 << 10 // in characters
	maxDepth  = 100      // of the parser
	maxNested = 3        // loops inside one another
)

// variables are what an expression sees.
var variables = []string{"release", "subject", "evidence", "now"}

// Compile is a [criteria.Compiler]. Every error is a
// *[criteria.ExpressionError].
func Compile(o criteria.Own) (criteria.Criterion, error) {
	if strings.TrimSpace(o.Expression) == "" {
		return nil, &criteria.ExpressionError{Line: 1, Column: 1, Msg: "expression is missing"}
	}
	p := &provider{Registry: types.NewEmptyRegistry()}
	e, err := environment(p)
	if err != nil {
		return nil, whole("setting up: %v", err)
	}
	checked, issues := e.Compile(o.Expression)
	if err := issues.Err(); err != nil {
		return nil, fault(e, p, o.Expression, issues)
	}
	if err := reads(o, checked.NativeRep()); err != nil {
		return nil, err
	}
	if t := checked.OutputType(); !t.IsExactType(types.BoolType) {
		return nil, whole("gives %s, expected true or false", t)
	}
	program, err := counted(e, checked)
	if err != nil {
		return nil, whole("%v", err)
	}
	return &own{name: o.Name, needs: slices.Clone(o.Needs), text: o.Expression, program: program}, nil
}

// environment is the language: the standard one without what would make an
// answer depend on the machine (time zones are looked up in its files) or hide
// a type from the checks (dyn).
func environment(p *provider) (*cel.Env, error) {
	zoned := func(name, id string) *env.Function { return env.NewFunction(name, &env.Overload{ID: id}) }
	without := env.NewLibrarySubset().AddExcludedFunctions(
		env.NewFunction(overloads.TypeConvertDyn),
		zoned(overloads.TimeGetFullYear, overloads.TimestampToYearWithTz),
		zoned(overloads.TimeGetMonth, overloads.TimestampToMonthWithTz),
		zoned(overloads.TimeGetDayOfYear, overloads.TimestampToDayOfYearWithTz),
		zoned(overloads.TimeGetDayOfMonth, overloads.TimestampToDayOfMonthZeroBasedWithTz),
		zoned(overloads.TimeGetDate, overloads.TimestampToDayOfMonthOneBasedWithTz),
		zoned(overloads.TimeGetDayOfWeek, overloads.TimestampToDayOfWeekWithTz),
		zoned(overloads.TimeGetHours, overloads.TimestampToHoursWithTz),
		zoned(overloads.TimeGetMinutes, overloads.TimestampToMinutesWithTz),
		zoned(overloads.TimeGetSeconds, overloads.TimestampToSecondsWithTz),
		zoned(overloads.TimeGetMilliseconds, overloads.TimestampToMillisecondsWithTz),
	)
	return cel.NewCustomEnv(
		cel.CustomTypeAdapter(adapter{}),
		cel.CustomTypeProvider(p),
		cel.StdLib(cel.StdLibSubset(without)),
		cel.Variable("release", types.NewObjectType(typeName[criteria.Release]())),
		cel.Variable("subject", types.NewObjectType(typeName[criteria.Subject]())),
		cel.Variable("evidence", types.NewListType(types.NewObjectType(evidenceType))),
		cel.Variable("now", types.TimestampType),
		cel.CrossTypeNumericComparisons(true), // severity >= 7
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxSize),
		cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(),
			cel.ValidateComprehensionNestingLimit(maxNested),
		),
	)
}

// reads refuses an expression that reads a fact which the criterion does not
// need. The engine hands over evidence for the facts in needs only, so
// "evidence.all(e, !has(e.secrets) || …)" would pass for want of any report.
func reads(o criteria.Own, tree *ast.AST) error {
	var first *criteria.ExpressionError
	refuse := func(x ast.Expr, word, format string, args ...any) {
		if first == nil {
			first = &criteria.ExpressionError{Msg: fmt.Sprintf(format, args...)}
			at := tree.SourceInfo().GetStartLocation(x.ID())
			first.Line, first.Column = place(o.Expression, at.Line(), at.Column(), word)
		}
	}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if grows(tree, x) {
			refuse(x, "", "texts and lists cannot be joined here")
		}
		switch x.Kind() {
		case ast.StructKind:
			refuse(x, "", "objects cannot be made here")
		case ast.SelectKind:
			field := x.AsSelect().FieldName()
			of := tree.GetType(x.AsSelect().Operand().ID())
			switch {
			case of.Kind() == types.DynKind:
				refuse(x, field, "what %q is a field of is not known", field)
			case of.TypeName() == evidenceType && isFact(field) && !slices.Contains(o.Needs, criteria.Fact(field)):
				refuse(x, field, "reads %s, which is not among the needs of this criterion: without it there, silence would count as consent", field)
			}
		}
	}))
	if first != nil {
		return first
	}
	return nil
}

var (
	undefined  = regexp.MustCompile(`^undefined field '([^']+)'`)
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']+)'`)
	operator   = regexp.MustCompile(`'_?([^\w\s']+)_?'`)
)

// fault puts the first thing that the compiler found into a policy author's
// words.
func fault(e *cel.Env, p *provider, text string, issues *cel.Issues) error {
	first := issues.Errors()[0]
	msg, word := first.Message, ""
	near := func(word string, known []string) {
		slices.Sort(known)
		if n := strict.Nearest(word, known); n != "" {
			msg += fmt.Sprintf(": did you mean %q?", n)
		} else if len(known) > 0 {
			msg += ": known here are " + strings.Join(known, ", ")
		}
	}
	if m := undefined.FindStringSubmatch(msg); m != nil {
		word, msg = m[1], fmt.Sprintf("unknown field %q", m[1])
		if of, ok := p.missed[m[1]]; ok {
			names, _ := p.FindStructFieldNames(of)
			msg = fmt.Sprintf("%s has no field %q", of, m[1])
			near(m[1], names)
		}
	} else if m := undeclared.FindStringSubmatch(msg); m != nil {
		msg = fmt.Sprintf("unknown name %q", m[1])
		known := slices.Clone(variables)
		for name := range e.Functions() {
			if criteria.IsCriterionName(name) {
				known = append(known, name)
			}
		}
		if strict.Nearest(m[1], known) == "" {
			known = slices.Clone(variables)
		}
		near(m[1], known)
	} else {
		msg, _, _ = strings.Cut(msg, "\n")
		msg = strings.TrimPrefix(msg, "Syntax error: ")
		msg = operator.ReplaceAllString(msg, "'$1'")
	}
	line, column := place(text, first.Location.Line(), first.Location.Column(), word)
	return &criteria.ExpressionError{Line: line, Column: column, Msg: msg}
}

// place turns the compiler's place, with its column from 0, into the one that a
// reader looks for: for a field its name (word), where the compiler points at
// the dot before it or at the parenthesis of has().
func place(text string, line, column int, word string) (int, int) {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return 1, 1
	}
	row := []rune(lines[line-1])
	column = max(0, min(column, len(row)))
	if word != "" {
		rest := string(row[column:])
		if i := strings.Index(rest, "."+word); i >= 0 {
			column += len([]rune(rest[:i])) + 1
		}
	}
	return line, column + 1
}

func whole(format string, args ...any) error {
	return &criteria.ExpressionError{Line: 1, Column: 1, Msg: fmt.Sprintf(format, args...)}
}

// own is one compiled expression.
type own struct {
	name    string
	needs   []criteria.Fact
	text    string
	program cel.Program
}

// Evaluate implements [criteria.Criterion]. Anything but a plain true or false
// is an error: a question that could not be asked was not answered with yes.
func (o *own) Evaluate(in criteria.Input) criteria.Outcome {
	for _, need := range o.needs {
		if !slices.ContainsFunc(in.Evidence, func(e criteria.Evidence) bool { return e.Facts.Has(need) }) {
			return criteria.CannotTell("no %s about %s", need.Title(), in.Subject.Name)
		}
	}
	answer, _, err := o.program.Eval(map[string]any{
		"release":  adapter{}.NativeToValue(in.Release),
		"subject":  adapter{}.NativeToValue(in.Subject),
		"evidence": adapter{}.NativeToValue(in.Evidence),
		"now":      adapter{}.NativeToValue(in.Now),
		stepsName:  &steps{left: maxSteps},
	})
	if err != nil {
		return criteria.Outcome{Status: criteria.Faulty, Reason: "the expression " + err.Error()}
	}
	yes, ok := answer.(types.Bool)
	if !ok {
		return criteria.Outcome{Status: criteria.Faulty, Reason: fmt.Sprintf("the expression gave %s, expected true or false", answer.Type().TypeName())}
	}
	if yes {
		return criteria.Passed("true: %s", oneLine(o.text))
	}
	return criteria.Conclude("", []criteria.Finding{{
		ID: o.name, Status: criteria.Fail, Message: "false: " + oneLine(o.text),
	}})
}

// oneLine shortens text for a table's cell.
func oneLine(text string) string {
	words := []rune(strings.Join(strings.Fields(text), " "))
	if len(words) > 120 {
		return string(words[:119]) + "…"
	}
	return string(words)
}
