// What a change of policy changes, before it is saved; refused when somebody else changed it meanwhile.

import { Button, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import type { NamespaceInfo } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { useSession } from '../../session/session.tsx';
import { POLICY_FIELDS, policyOf, textsOf, type PolicyTexts } from './policy.ts';
import { Dialog } from '../../parts/dialog.tsx';

interface ReviewDialogProps {
  readonly info: NamespaceInfo;
  /** Undefined removes the policy. */
  readonly texts: PolicyTexts | undefined;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

export default function ReviewDialog({ info, texts, onSaved, onClose }: ReviewDialogProps) {
  const { api } = useSession();
  const [reason, setReason] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble>();
  const changes = changesOf(textsOf(info.policy), texts ?? {});
  const isRemoval = texts === undefined;

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    setIsBusy(true);
    const { namespace, revision } = info;
    const change = { namespace, revision, reason: reason.trim() };
    const saving = isRemoval
      ? api.admin.deleteNamespace(change)
      : api.admin.putNamespace({ ...change, policy: policyOf(texts) });
    saving.then(onSaved).catch((error: unknown) => {
      setTrouble(troubleOf(error));
      setIsBusy(false);
    });
  };
  return (
    <Dialog
      onClose={onClose}
      title={isRemoval ? `Remove the policy of ${info.namespace}` : `Change the policy of ${info.namespace}`}
      size="lg"
    >
      <form className="dialog-form" onSubmit={submit}>
        {changes.length === 0 ? (
          <p>{isRemoval ? 'It sets nothing itself.' : 'Nothing is changed.'}</p>
        ) : (
          <table className="plain-table diff">
            <thead>
              <tr>
                <th scope="col">value</th>
                <th scope="col">before</th>
                <th scope="col">after</th>
              </tr>
            </thead>
            <tbody>
              {changes.map(({ name, before, after }) => (
                <tr key={name}>
                  <th scope="row">
                    <code>{name}</code>
                  </th>
                  <td>{before === '' ? <span className="dim">inherited</span> : <del>{before}</del>}</td>
                  <td>{after === '' ? <span className="dim">inherited</span> : <ins>{after}</ins>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <p className="dim">It reaches every server within 5 s. Namespaces below inherit what they leave open.</p>
        <TextInput
          label="Reason, for the audit log"
          value={reason}
          maxLength={512}
          required
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        {trouble !== undefined && <TroubleNotice trouble={trouble} />}
        <div className="dialog-end">
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button
            type="submit"
            color={isRemoval ? 'red' : 'blue'}
            loading={isBusy}
            disabled={!isRemoval && changes.length === 0}
          >
            {isRemoval ? 'Remove' : 'Save'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface ChangedValue {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

const changesOf = (before: PolicyTexts, after: PolicyTexts): readonly ChangedValue[] =>
  POLICY_FIELDS.map(({ name }) => ({ name, before: before[name] ?? '', after: (after[name] ?? '').trim() })).filter(
    (change) => change.before !== change.after,
  );
