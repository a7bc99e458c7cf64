/** A part of the runtime with a lifetime. */
export interface Service {
  start(): void | Promise<void>;
  /** Stops the part, also when its start failed halfway. */
  stop(): void | Promise<void>;
}

/**
 * Starts a service, and adds its stop to a stack. At a shutdown, and when a later service cannot start, the stack stops
 * services in the reverse order of their start.
 */
export async function startService<Started extends Service>(
  stack: AsyncDisposableStack,
  service: Started,
): Promise<Started> {
  stack.defer(async () => await service.stop());
  await service.start();
  return service;
}

/**
 * Runs `start` with a stack. If `start` throws, the stack is disposed of, and the caller receives the error of `start`.
 * An error of the disposal would hide which problem to fix, so it goes to `onStopError`.
 */
export async function startAll<Result>(
  start: (stack: AsyncDisposableStack) => Promise<Result>,
  onStopError: (error: unknown) => void,
): Promise<Result> {
  const stack = new AsyncDisposableStack();
  try {
    return await start(stack);
  } catch (error) {
    await stack.disposeAsync().catch(onStopError);
    throw error;
  }
}
