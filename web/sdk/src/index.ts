/**
 * Connects, records and watches agents through roomreel. The default export and `Supervisor` are one agent and one
 * supervisor, as pages have had them since version 1; the factories make more.
 */
import { createAgent, version } from './agent';
import { createSupervisor as create, type Supervisor as SupervisorClient } from './supervisor';

const agent = createAgent();
export default agent;

export const createSupervisor = (): SupervisorClient => create(version);
export const Supervisor = createSupervisor();

export { createAgent };
export { RecorderError, type TerminationCause } from './errors';
export type { Agent, AgentEvent, RecordingResult, RecordingState, RecordingTarget } from './agent';
export type { SupervisorClient };
export type { SupervisorEvent } from './supervisor';
export type { QualityLimitationDurations, SessionStatistics, Statistics, StreamStatistics } from './stats';
