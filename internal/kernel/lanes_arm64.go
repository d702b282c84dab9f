//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func sweepMinNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepMinAbsNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepSymNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func descendSymNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func walkMinNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func walkSymNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func takeMinNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func takeSymNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighAbsNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighSquaresNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighByNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func scanSymNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func scanMinNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighPlusNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sumsNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func squaresNEON(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

func init() {
	has := cpu.Has("neon")
	sweepMin.add("neon", has, lanesOf(sweepMinNEON, 1))
	sweepMinAbs.add("neon", has, lanesOf(sweepMinAbsNEON, 1))
	sweepSym.add("neon", has, lanesOf(sweepSymNEON, 1))
	descendSym.add("neon", has, lanesOf(descendSymNEON, 1))
	walkMin.add("neon", has, lanesOf(walkMinNEON, 3))
	walkSym.add("neon", has, lanesOf(walkSymNEON, 1))
	takeMin.add("neon", has, lanesOf(takeMinNEON, 1))
	takeSym.add("neon", has, lanesOf(takeSymNEON, 1))
	weighAbs.add("neon", has, lanesOf(weighAbsNEON, 1))
	weighSquares.add("neon", has, lanesOf(weighSquaresNEON, 1))
	weighBy.add("neon", has, lanesOf(weighByNEON, 1))
	scanSym.add("neon", has, lanesOf(scanSymNEON, 1))
	scanMin.add("neon", has, lanesOf(scanMinNEON, 1))
	weighPlus.add("neon", has, lanesOf(weighPlusNEON, 1))
	sums.add("neon", has, lanesOf(sumsNEON, 1))
	squares.add("neon", has, lanesOf(squaresNEON, 32))
}
