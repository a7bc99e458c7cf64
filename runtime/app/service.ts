/** A part of the runtime with a lifetime. */
export interface Service {
  start(): void | Promise<void>;
  /** Stops the part, also when its start failed halfway. */
  stop(): void | Promise<void>;
}

/**
 * Starts a service, and adds its stop to a stack. The stack stops services in the reverse order of their start, at a
 * shutdown and when a later one cannot start.
 */
export async function startService<Started extends Service>(
  stack: AsyncDisposableStack,
  service: Started,
): Promise<Started> {
  stack.defer(async () => await service.stop());
  await service.start();
  return service;
}
