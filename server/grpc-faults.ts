// What grpc-js calls its own fault, though the caller sent it: a grpc-timeout that is none, a body that is not compressed
// as its headers say. They become INVALID_FIELD here, as everywhere else.

import { status as Code, type ServerInterceptor } from '@grpc/grpc-js';
import { invalidFields } from './errors.ts';
import { serviceError } from './grpc-calls.ts';

/** By the beginning of grpc-js' words: which field of the call is wrong, and how. */
const CALLERS_FAULTS: readonly (readonly [string, string, string])[] = [
  ['Invalid grpc-timeout', 'grpc-timeout', 'must be 1 to 8 digits and a unit, such as 500m or 30S'],
  ['Failed to decompress', 'grpc-encoding', 'is not what the message is compressed with'],
];

/** Changes the answer in place and adds no layer of its own: it stands before every call. */
export const blameCaller: ServerInterceptor = (_method, call) => {
  const send = call.sendStatus.bind(call);
  call.sendStatus = (status) => {
    const fault = status.code === Code.INTERNAL ? faultIn(status.details ?? '') : undefined;
    send(fault === undefined ? status : { ...status, ...serviceError(fault) });
  };
  // grpc-js takes any call of this interface; its declaration names only the class that adds a layer.
  return call as ReturnType<ServerInterceptor>;
};

function faultIn(details: string) {
  const found = CALLERS_FAULTS.find(([words]) => details.startsWith(words));
  return found === undefined ? undefined : invalidFields([{ field: found[1], description: found[2] }]);
}
