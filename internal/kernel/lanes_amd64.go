//go:build !purego

package kernel

import "quern/internal/cpu"

//go:noescape
func sweepMinAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepMinAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepMinAbsAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepMinAbsAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepSymAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sweepSymAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func descendSymAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func descendSymAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func walkMinAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func walkMinAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func walkSymAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func walkSymAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func takeMinAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func takeMinAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func takeSymAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func takeSymAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighAbsAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighAbsAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighSquaresAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighSquaresAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighByAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighByAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func scanSymAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func scanSymAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func scanMinAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func scanMinAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighPlusAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func weighPlusAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sumsAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func sumsAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func squaresAVX2(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

//go:noescape
func squaresAVX512(groups *Groups, n uintptr, table *float32, steps uintptr, params *float32)

func init() {
	avx2, avx512 := cpu.Has("avx2"), cpu.Has("avx512")
	sweepMin.add("avx2", avx2, lanesOf(sweepMinAVX2, 1))
	sweepMin.add("avx512", avx512, lanesOf(sweepMinAVX512, 1))
	sweepMinAbs.add("avx2", avx2, lanesOf(sweepMinAbsAVX2, 1))
	sweepMinAbs.add("avx512", avx512, lanesOf(sweepMinAbsAVX512, 1))
	sweepSym.add("avx2", avx2, lanesOf(sweepSymAVX2, 1))
	sweepSym.add("avx512", avx512, lanesOf(sweepSymAVX512, 1))
	descendSym.add("avx2", avx2, lanesOf(descendSymAVX2, 1))
	descendSym.add("avx512", avx512, lanesOf(descendSymAVX512, 1))
	walkMin.add("avx2", avx2, lanesOf(walkMinAVX2, 3))
	walkMin.add("avx512", avx512, lanesOf(walkMinAVX512, 3))
	walkSym.add("avx2", avx2, lanesOf(walkSymAVX2, 1))
	walkSym.add("avx512", avx512, lanesOf(walkSymAVX512, 1))
	takeMin.add("avx2", avx2, lanesOf(takeMinAVX2, 1))
	takeMin.add("avx512", avx512, lanesOf(takeMinAVX512, 1))
	takeSym.add("avx2", avx2, lanesOf(takeSymAVX2, 1))
	takeSym.add("avx512", avx512, lanesOf(takeSymAVX512, 1))
	weighAbs.add("avx2", avx2, lanesOf(weighAbsAVX2, 1))
	weighAbs.add("avx512", avx512, lanesOf(weighAbsAVX512, 1))
	weighSquares.add("avx2", avx2, lanesOf(weighSquaresAVX2, 1))
	weighSquares.add("avx512", avx512, lanesOf(weighSquaresAVX512, 1))
	weighBy.add("avx2", avx2, lanesOf(weighByAVX2, 1))
	weighBy.add("avx512", avx512, lanesOf(weighByAVX512, 1))
	scanSym.add("avx2", avx2, lanesOf(scanSymAVX2, 1))
	scanSym.add("avx512", avx512, lanesOf(scanSymAVX512, 1))
	scanMin.add("avx2", avx2, lanesOf(scanMinAVX2, 1))
	scanMin.add("avx512", avx512, lanesOf(scanMinAVX512, 1))
	weighPlus.add("avx2", avx2, lanesOf(weighPlusAVX2, 1))
	weighPlus.add("avx512", avx512, lanesOf(weighPlusAVX512, 1))
	sums.add("avx2", avx2, lanesOf(sumsAVX2, 1))
	sums.add("avx512", avx512, lanesOf(sumsAVX512, 1))
	squares.add("avx2", avx2, lanesOf(squaresAVX2, 32))
	squares.add("avx512", avx512, lanesOf(squaresAVX512, 32))
}
