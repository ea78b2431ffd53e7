import django.utils.timezone
from django.db import migrations, models


def all_is_of_unknown_rules(apps, _schema):
    """What an installation kept before rules had versions is made anew once; one that is new has nothing of that kind."""
    if apps.get_model("sharing", "Function").objects.exists():
        apps.get_model("sharing", "Renewal").objects.create(pk=1)


class Migration(migrations.Migration):

    dependencies = [
        ('sharing', '0031_kept_pages'),
    ]

    operations = [
        migrations.CreateModel(
            name='Latch',
            fields=[
                ('number', models.CharField(max_length=12, primary_key=True, serialize=False)),
            ],
            options={
                'verbose_name_plural': 'latches',
            },
        ),
        migrations.CreateModel(
            name='Renewal',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('mark', models.CharField(blank=True, max_length=200)),
                ('made', models.JSONField(blank=True, default=dict)),
                ('checkpoint', models.CharField(blank=True, max_length=36)),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='renewal_one_row')],
            },
        ),
        migrations.RunPython(all_is_of_unknown_rules, migrations.RunPython.noop),
    ]
