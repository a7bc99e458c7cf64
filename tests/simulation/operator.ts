import { NAME } from "./events.ts";
import { headerOf } from "./model.ts";
import { SimConnection } from "./sim_connection.ts";
import { lettersIn, SimParked } from "./sim_parked.ts";
import type { World } from "./world.ts";

/** Acts that an operator takes at the most in one schedule. */
const ACTS = 5;

/** Redrives and discards dead letters that park keys, with a connection that no fault hits. */
export class Operator {
  readonly #dead: SimParked;
  #acts = 0;
  /** Acts under way, by the sequence of the dead letter. */
  readonly #acting = new Set<number>();

  constructor(readonly world: World) {
    this.#dead = new SimParked(new SimConnection(world));
  }

  /** Whether no act is under way, and no event is parked of a key whose first one is handled or discarded. */
  get isDone(): boolean {
    if (this.#acting.size > 0) return false;
    const seen = new Set<string>();
    return lettersIn(this.world.model).every(({ key, isParked }) => {
      const isFirst = !seen.has(key);
      seen.add(key);
      return !isFirst || !isParked;
    });
  }

  /** Returns the acts that it may take now. */
  steps(): (() => void)[] {
    if (!this.world.settings.parks || this.#acts >= ACTS) return [];
    const heads = lettersIn(this.world.model).filter(({ sequence, isParked }) =>
      !isParked && !this.#acting.has(sequence)
    );
    return heads.map((letter) => () => {
      const isRedrive = this.world.random.chance(0.7), { sequence } = letter;
      this.world.trace?.(`the operator ${isRedrive ? "redrives" : "discards"} dead letter ${sequence}`);
      this.#acts++;
      this.#acting.add(sequence);
      if (!isRedrive) this.world.ledger.of(this.#nameOf(sequence)!).isDiscarded = true;
      const act = isRedrive ? this.#dead.sendBack(sequence) : this.#dead.discard(letter);
      act.catch(() => {}).finally(() => this.#acting.delete(sequence));
    });
  }

  #nameOf(sequence: number): string | undefined {
    const letter = this.world.model.message("DEAD_LETTERS", sequence);
    return letter && headerOf(letter.headers, NAME);
  }

  /** Notes that a dead letter was sent back: its event has a new set of attempts. */
  redriven(sequence: number): void {
    const id = this.#nameOf(sequence);
    if (id === undefined) return;
    const account = this.world.ledger.of(id), { serverConsumers: { SIM }, model } = this.world;
    account.redrives++;
    const isAssigned = model.messages("ORDER_PARTITIONS").some(({ headers }) => headerOf(headers, NAME) === id);
    if (SIM.deliveriesOf(account.seq) === undefined && !isAssigned) return;
    account.forks++;
    account.isCopied = true;
  }
}
