/**
 * Normal noise of some of the data, whose others are missing: y_m = c_m + σ_m u_m, u ~ N(0, R), given a mask o of 0 and 1. Rows and
 * columns of R of missing data are those of the identity, A = o oᵀ ∘ R + diag(1 − o) = L Lᵀ, so that
 *
 *   log p(y_o|c) = −½ |L⁻¹ (o ∘ u)|² − Σ log L_mm − Σ o_m log σ_m − ½ Σ o_m log 2π,
 *
 * the marginal of what was observed (Rasmussen & Williams, Gaussian Processes, §A.2).
 */
import {
  add,
  cholesky,
  columns,
  div,
  log,
  mul,
  outerTril,
  square,
  sub,
  sumFeatures,
  triSolve,
} from "../../graph/build.ts";
import { triDiagonal } from "../../graph/linear.ts";
import { isTensor, type Operand, type Tensor } from "../../graph/tensor.ts";
import { LOG_2PI } from "../../numbers/math.ts";
import { packed, packedOrder } from "../../numbers/triangles.ts";
import { expectData, type Noise, ofEach } from "./noise.ts";

/** Most data, because each sample has a matrix of its own. */
const MOST_DATA = 256;

/**
 * Density and information of the data whose mask (B, M) is 1. `r`: R packed, numbers or (B, M(M + 1)/2); `sigma`: σ, one or M numbers,
 * or a tensor. The information is stated where both are numbers.
 * @throws for more than 256 data.
 */
export function observedNormal(
  owner: string,
  r: Operand,
  sigma: Operand,
  mask: Tensor,
): Pick<Noise, "logDensity" | "fisher"> {
  const M = mask.cols;
  if (M > MOST_DATA)
    throw new Error(
      `${owner}: expected at most ${MOST_DATA} data where some are missing, because each observation then has a covariance of its own, got ${M}`,
    );
  const onDiagonal = Array.from({ length: packed(M) }, (_, k) => Math.max(packedOrder(k + 1) - 1, -1)); // −1: a zero
  const l = cholesky(add(mul(outerTril(mask, mask), r), columns(sub(1, mask), onDiagonal)));
  const whiten = (u: Tensor): Tensor => triSolve(l, mul(u, mask));
  return {
    logDensity: (y, clean) => {
      expectData(owner, M, y, clean);
      const squares = sumFeatures(add(square(whiten(div(sub(y, clean), sigma))), mul(mask, LOG_2PI)));
      const logs = add(sumFeatures(log(triDiagonal(l))), sumFeatures(mul(log(ofEach(sigma, clean)), mask)));
      return sub(mul(squares, -0.5), logs);
    },
    fisher: (clean) => (isTensor(r) || isTensor(sigma) ? [] : [{ of: whiten(div(clean, sigma)), weight: 1 }]),
  };
}
