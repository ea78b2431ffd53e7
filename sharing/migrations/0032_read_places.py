import uuid

import django.db.models.deletion
from django.db import migrations, models


def keep(apps, _schema):
    """What services.places keeps from now on. One look at all sweeps, since there is one row for each account and region."""
    sync, connection, place = (apps.get_model("sharing", name) for name in ("Sync", "Connection", "ReadPlace"))
    rows = {}

    def made(account, region):
        rows[account, region] = place(id=uuid.uuid5(account, region), account_id=account, region=region)
        return rows[account, region]

    sweeps = sync.objects.filter(kind="sweep", finished_at__isnull=False).exclude(state__in=("queued", "running"))
    # Of those that ended at the same moment a failed one counts.
    ended = sweeps.order_by("finished_at", "created_at").values_list("account_id", "region", "state", "started_at", "finished_at", "pk")
    last = {}
    for account, region, state, started_at, finished_at, pk in ended.iterator(chunk_size=5000):
        row = rows.get((account, region)) or made(account, region)
        if state != "failed" and started_at is not None:
            row.read_at = max(row.read_at or started_at, started_at)
        if state == "failed" or last.get((account, region), (None, ""))[0] != finished_at:
            last[account, region] = (finished_at, pk if state == "failed" else "")
    failed = [(key, pk) for key, (_, pk) in last.items() if pk]
    for at in range(0, len(failed), 500):
        some = failed[at : at + 500]
        told = sync.objects.in_bulk([pk for _, pk in some])
        for key, pk in some:
            row = rows[key]
            row.failed, row.failure, row.failure_next = True, told[pk].failure, told[pk].failure_next
    managers = connection.objects.filter(purpose="manager").exclude(state="disconnected")
    for pk, account, regions, enabled in managers.values_list("pk", "account_id", "regions", "enabled_regions"):
        read = list(dict.fromkeys(regions))
        for position, region in enumerate([*read, *sorted(set(enabled or []) - set(read))]):
            row = rows.get((account, region)) or made(account, region)
            row.connection_id, row.position, row.aside = pk, position, max(0, position - len(read) + 1)
    place.objects.bulk_create(rows.values(), batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('sharing', '0031_kept_pages'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReadPlace',
            fields=[
                ('id', models.UUIDField(editable=False, help_text='See key_of.', primary_key=True, serialize=False)),
                ('region', models.CharField(max_length=30)),
                ('position', models.PositiveSmallIntegerField(default=0, help_text="Among the connection's regions, those left out last.")),
                ('aside', models.PositiveSmallIntegerField(default=0, help_text='0: it is read; otherwise its number among those left out.')),
                ('read_at', models.DateTimeField(help_text='The start of the last sweep that came to its end.', null=True)),
                ('failed', models.BooleanField(default=False, help_text='The sweep that ended last failed.')),
                ('failure', models.TextField(blank=True)),
                ('failure_next', models.TextField(blank=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sharing.account')),
                ('connection', models.ForeignKey(help_text='Null: nobody reads it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='sharing.connection')),
            ],
            options={
                'ordering': ('account', 'position'),
                'constraints': [models.UniqueConstraint(fields=('account', 'region'), name='readplace_once')],
            },
        ),
        migrations.RemoveIndex(
            model_name='finding',
            name='finding_accepted',
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(condition=models.Q(('accepted_until__isnull', False)), fields=['state', 'accepted_until'], name='finding_accepted'),
        ),
        migrations.RemoveIndex(
            model_name='policy',
            name='policy_by_public',
        ),
        migrations.AddIndex(
            model_name='policy',
            index=models.Index(fields=['public', 'open_service', 'vanished_at', 'function'], name='policy_by_width'),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
