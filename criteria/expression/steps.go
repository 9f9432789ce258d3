package expression

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// maxSteps bounds how often the bodies of all(), exists(), map() and their like
// run in one evaluation: enough to walk an SBOM of 100,000 components several
// times. Steps are counted, not seconds, so that the same expression over the
// same evidence ends alike on a fast machine and on a slow one. (CEL's own cost
// limit keeps every value it has seen on a stack that it searches from end to
// end, so 100,000 components took it a minute.)
const maxSteps = 2_000_000

// stepsName is bound to the counter of one evaluation. No expression can name
// it: an identifier has no @.
const stepsName = "@steps"

// steps counts down.
type steps struct{ left int }

// counted makes the program of a checked expression with its loops counted.
func counted(e *cel.Env, checked *cel.Ast) (cel.Program, error) {
	loops := make(map[int64]bool)
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.ComprehensionKind {
			loops[x.AsComprehension().LoopStep().ID()] = true
		}
	}))
	return e.Program(checked, cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if loops[i.ID()] {
			return step{i}, nil
		}
		return i, nil
	}))
}

// step is the body of a loop.
type step struct{ interpreter.InterpretableV2 }

func (s step) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v, _ := frame.ResolveName(stepsName)
	n, ok := v.(*steps)
	if !ok {
		panic("an expression runs without a limit")
	}
	if n.left--; n.left < 0 {
		// The interpreter's own way to end at once: an error value could be
		// absorbed by || and &&.
		panic(interpreter.EvalCancelledError{
			Cause:   interpreter.CostLimitExceeded,
			Message: fmt.Sprintf("takes more than %d steps over this evidence", maxSteps),
		})
	}
	return s.InterpretableV2.Exec(frame)
}

func (s step) Eval(vars interpreter.Activation) ref.Val { return s.Exec(interpreter.AsFrame(vars)) }

// grows reports whether x joins texts or lists into a longer one. Such an
// expression could double its memory with every few characters, and no question
// about evidence needs it. The lists that map() and filter() make are joined by
// the macro itself, one item a step.
func grows(tree *ast.AST, x ast.Expr) bool {
	if x.Kind() != ast.CallKind || x.AsCall().FunctionName() != operators.Add {
		return false
	}
	args := x.AsCall().Args()
	if len(args) == 2 && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == accumulator {
		return false
	}
	switch tree.GetType(x.ID()).Kind() {
	case types.StringKind, types.BytesKind, types.ListKind, types.DynKind:
		return true
	}
	return false
}

// accumulator is what macros call their result; no expression can name it.
const accumulator = "@result"
